using System.Globalization;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent;

/// <summary>What <c>settings.json</c> keeps between runs.</summary>
/// <param name="Url">The address of the platform's gateway.</param>
/// <param name="Token">
/// A bearer token that is kept in this file; the reason for its mode 0600. Null where <paramref name="KeptIn"/> says another place.
/// </param>
/// <param name="Organization">The slug of the organization.</param>
/// <param name="MachineId">This machine's id, a UUIDv7 made at the first registration.</param>
/// <param name="CheckTimeoutMs">How long an activation waits for the platform, in milliseconds.</param>
/// <param name="Method">How the user signed in: <c>browser</c>, <c>device</c>, <c>password</c>, <c>token</c>.</param>
/// <param name="KeptIn">Where the secrets of the sign-in are: <c>keyring</c>, or <c>file</c>, beside this one.</param>
/// <param name="PendingRevocations">Where the tokens are that could not be revoked yet, likewise; null where there are none.</param>
/// <param name="SaidDisabled">
/// The organization of which it was said that it logs no environments; null where that was not said, or is no longer so.
/// </param>
internal sealed record StoredSettings(
    string? Url = null, string? Token = null, string? Organization = null, Guid? MachineId = null, int? CheckTimeoutMs = null,
    string? Method = null, string? KeptIn = null, string? PendingRevocations = null, string? SaidDisabled = null);

/// <summary>The settings in force: an environment variable where it is set, else <c>settings.json</c>, else the default.</summary>
internal sealed class Settings
{
    private const int DefaultCheckTimeoutMs = 300;
    private readonly Surroundings _surroundings;

    private Settings(Surroundings surroundings, StoredSettings stored)
    {
        _surroundings = surroundings;
        Stored = stored;
    }

    /// <summary>The content of the file, without environment variables.</summary>
    public StoredSettings Stored { get; private set; }

    /// <summary>The file, whether it exists or not.</summary>
    public string File => FileOf(_surroundings);

    public string? Url => (_surroundings["ENVPLATFORM_URL"] ?? Stored.Url)?.TrimEnd('/');
    public string? Organization => _surroundings["ENVPLATFORM_ORG"] ?? Stored.Organization;

    /// <summary>The token for <see cref="Url"/>: a token stored for one address is never sent to another.</summary>
    public string? Token => _surroundings["ENVPLATFORM_TOKEN"] ?? (IsForStoredUrl ? Stored.Token : null);

    /// <summary>Whether what is stored was stored for the address in force.</summary>
    public bool IsForStoredUrl => Url is not null && Url == Stored.Url?.TrimEnd('/');

    /// <exception cref="AgentException">The variable is not a UUID.</exception>
    public Guid? MachineId
    {
        get
        {
            if (_surroundings["ENVPLATFORM_MACHINE_ID"] is not { } text)
            {
                return Stored.MachineId;
            }

            return Guid.TryParse(text, out var id) ? id : throw new AgentException(
                "ENVPLATFORM_MACHINE_ID is not a UUID.", ExitCodes.Usage);
        }
    }

    /// <exception cref="AgentException">The variable is not a number of milliseconds.</exception>
    public TimeSpan CheckTimeout
    {
        get
        {
            if (_surroundings["ENVPLATFORM_CHECK_TIMEOUT_MS"] is not { } text)
            {
                return TimeSpan.FromMilliseconds(Stored.CheckTimeoutMs is > 0 and var stored ? stored : DefaultCheckTimeoutMs);
            }

            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0
                ? TimeSpan.FromMilliseconds(milliseconds)
                : throw new AgentException("ENVPLATFORM_CHECK_TIMEOUT_MS is not a positive number of milliseconds.", ExitCodes.Usage);
        }
    }

    /// <summary>The cache folder: answers of activation checks, the record of the registration.</summary>
    public static string CacheFolder(Surroundings surroundings) =>
        surroundings["ENVPLATFORM_CACHE"]
        ?? (OperatingSystem.IsWindows() && surroundings["LOCALAPPDATA"] is { } local
            ? Path.Combine(local, "envplatform", "cache")
            : Path.Combine(surroundings["XDG_CACHE_HOME"] ?? Path.Combine(surroundings.HomeFolder, ".cache"), "envplatform"));

    /// <exception cref="AgentException">The file exists and cannot be read.</exception>
    public static Settings Load(Surroundings surroundings)
    {
        var file = FileOf(surroundings);
        try
        {
            var text = Folder.Read(file, System.IO.File.ReadAllBytes, out var trouble);
            return trouble is null
                ? new Settings(surroundings, text is null ? new StoredSettings() : LeanJson.ReadSettings(text))
                : throw new AgentException(
                    $"{file} cannot be read ({trouble}): make it readable, or name another by ENVPLATFORM_SETTINGS.");
        }
        catch (JsonException)
        {
            throw new AgentException($"{file} is not valid JSON: repair it, or delete it and run 'envplatform login' again.");
        }
    }

    /// <summary>
    /// Changes the file, which other processes may have changed since it was read; afterwards it is readable by its owner only.
    /// </summary>
    /// <exception cref="AgentException">The folder cannot be written, or the file cannot be read any more.</exception>
    public void Update(Func<StoredSettings, StoredSettings> change)
    {
        var next = change(Load(_surroundings).Stored);
        PrivateFile.Write(File, LeanJson.Write(next));
        Stored = next;
    }

    /// <summary>Takes what other processes have changed since the file was read.</summary>
    /// <exception cref="AgentException">The file cannot be read any more.</exception>
    public void Reload() => Stored = Load(_surroundings).Stored;

    private static string FileOf(Surroundings surroundings)
    {
        if (surroundings["ENVPLATFORM_SETTINGS"] is { } given)
        {
            return given;
        }

        var folder = surroundings["XDG_CONFIG_HOME"]
            ?? (OperatingSystem.IsWindows() ? surroundings["APPDATA"] : null)
            ?? Path.Combine(surroundings.HomeFolder, ".config");
        return Path.Combine(folder, "envplatform", "settings.json");
    }
}
