using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Aspire.Hosting.Processes;

/// <summary>
/// Where everything that the application writes is kept: data/name and logs/name.log of each resource, and the generated secrets.
/// The configuration's Aspire:DataFolder names it; without that it is a private temporary folder that goes with the application.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    public const string ConfigurationKey = "Aspire:DataFolder";

    /// <summary>How the names of temporary folders begin.</summary>
    public const string TemporaryPrefix = "aspire-app-";

    // Others may pass through, not look: a server that runs as another user has its own folder below.
    private const UnixFileMode PassThrough =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly Lock gate = new();
    private readonly List<string> outside = [];
    private FileStream? claim;

    public DataFolder(string? configured, bool temporary)
    {
        Temporary = temporary || configured is null;
        Root = configured is null ? Directory.CreateTempSubdirectory(TemporaryPrefix).FullName : Path.GetFullPath(configured);
        Directory.CreateDirectory(Root);
        if (Temporary)
            File.SetUnixFileMode(Root, PassThrough);
    }

    public string Root { get; }
    public bool Temporary { get; }

    /// <summary>Makes this process the only one to use the folder.</summary>
    public void Claim()
    {
        var path = Path.Combine(Root, "lock");
        try
        {
            claim = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new DistributedApplicationException($"The data folder {Root} is in use by another running application.", e);
        }

        if (Temporary)
            SweepAbandoned();
    }

    /// <summary>Removes the temporary folders of applications that were killed (test runners do that): the lock of such a folder is free.</summary>
    private static void SweepAbandoned()
    {
        foreach (var folder in Directory.EnumerateDirectories(Path.GetTempPath(), TemporaryPrefix + "*"))
        {
            try
            {
                using var free = new FileStream(Path.Combine(folder, "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // In use, not claimed yet, or another user's.
            }
        }
    }

    /// <summary>A folder of the resource's own; emptied unless its data are to be kept.</summary>
    public string For(string resource, bool keep)
    {
        var path = Path.Combine(Root, "data", resource);
        if (!keep && Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, PassThrough);
        Directory.CreateDirectory(path);
        return path;
    }

    /// <summary>The same outside, with a link to it inside, for a user who cannot reach the data folder (below /root, say).</summary>
    public string ForOutside(string resource, bool keep)
    {
        var link = new DirectoryInfo(Path.Combine(Root, "data", resource));
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Root)))[..16];
        var path = link.LinkTarget ?? Path.Combine("/var/lib/aspire", name, resource);
        if (!keep && Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        Directory.CreateDirectory(path);
        if (link.LinkTarget is null)
        {
            link.Delete();
            link.CreateAsSymbolicLink(path);
        }

        lock (gate)
            outside.Add(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>The log of a resource, moved to name.log.1 when it has passed 16 MiB.</summary>
    public string LogFor(string resource)
    {
        var path = Path.Combine(Root, "logs", resource + ".log");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (File.Exists(path) && new FileInfo(path).Length > 16 << 20)
            File.Move(path, path + ".1", overwrite: true);
        return path;
    }

    /// <summary>The secret of that name; made and kept (mode 0600) when it is asked for the first time.</summary>
    public string Secret(string name, Func<string> create)
    {
        var path = Path.Combine(Root, "secrets.json");
        lock (gate)
        {
            var secrets = File.Exists(path) ? JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(path))! : [];
            if (secrets.TryGetValue(name, out var known))
                return known;

            var secret = secrets[name] = create();
            WritePrivate(path, JsonSerializer.Serialize(secrets, JsonSerializerOptions.Web));
            return secret;
        }
    }

    /// <summary>Writes a file that only its owner can read, whole or not at all.</summary>
    public static void WritePrivate(string path, string content)
    {
        var draft = path + ".new";
        File.Delete(draft);
        using (var file = new FileStream(draft, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
            file.Write(Encoding.UTF8.GetBytes(content));
        File.Move(draft, path, overwrite: true);
    }

    public void Dispose()
    {
        claim?.Dispose();
        if (!Temporary)
            return;

        foreach (var path in outside.Append(Root).Where(Directory.Exists))
            Directory.Delete(path, recursive: true);
    }
}
