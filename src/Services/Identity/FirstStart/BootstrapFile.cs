using System.Text.Json;

using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Identity.FirstStart;

/// <summary>The file with the details for the first sign-in; readable by its owner only, and written atomically.</summary>
internal sealed class BootstrapFile(string path)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string _prepared = path + ".new";

    internal sealed record Content(string Url, string Organization, string Email, string Password, string Token);

    public string Path => path;

    public bool Exists => File.Exists(path);

    /// <summary>Writes the content to disk under a temporary name.</summary>
    public async Task PrepareAsync(Content content, CancellationToken ct)
    {
        if (System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        Discard();
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        await using var stream = new FileStream(_prepared, options);
        await JsonSerializer.SerializeAsync(stream, content, Json.Options, ct);
        stream.Flush(flushToDisk: true);
    }

    public void Publish() => File.Move(_prepared, path, overwrite: true);

    public void Discard() => File.Delete(_prepared);

    /// <summary>Null when nothing is prepared, or when it is incomplete.</summary>
    public async Task<Content?> ReadPreparedAsync(CancellationToken ct)
    {
        if (!File.Exists(_prepared))
        {
            return null;
        }

        await using var stream = File.OpenRead(_prepared);
        try
        {
            return await JsonSerializer.DeserializeAsync<Content>(stream, Json.Options, ct);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
