using System.Text;
using System.Text.Json;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Commands;

/// <summary>The last answer to each environment's activation check, for when the platform is slow or unavailable.</summary>
internal sealed class ActivationCache(Surroundings surroundings, string scope)
{
    public const string FolderName = "activation";

    /// <summary>The last answer for a prefix; null where there is none or it cannot be read.</summary>
    public CachedActivation? Read(string prefix)
    {
        var file = FileOf(prefix);
        try
        {
            return File.Exists(file) ? LeanJson.ReadCached(File.ReadAllBytes(file)) : null;
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Stores an answer; a cache that cannot be written is no reason to fail.</summary>
    public void Write(string prefix, Activation answer)
    {
        var now = surroundings.Clock.GetUtcNow();
        try
        {
            PrivateFile.Write(FileOf(prefix), LeanJson.Write(answer, json => json.WriteString("checked_at", now)));
        }
        catch (AgentException)
        {
            // The next check asks again.
        }
    }

    /// <summary>What the organization wants while the platform is away, <c>open</c> or <c>closed</c>; null: the last answer.</summary>
    public string? ReadFailMode()
    {
        try
        {
            return File.Exists(FailModeFile) && File.ReadAllText(FailModeFile) is ("open" or "closed") and var mode ? mode : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps it as the platform said it last.</summary>
    public void KeepFailMode(string? mode)
    {
        if (mode == ReadFailMode())
        {
            return;
        }

        try
        {
            PrivateFile.Write(FailModeFile, Encoding.UTF8.GetBytes(mode ?? "cached"));
        }
        catch (AgentException)
        {
            // The next check says it again.
        }
    }

    /// <summary>One cache for each platform, organization and machine.</summary>
    public static ActivationCache Of(Session session) =>
        new(session.Surroundings, $"{session.Settings.Url} {session.Organization} {session.Settings.MachineId}");

    /// <summary>Where the file system folds case, so does the cache; the platform knows the rest of the rules.</summary>
    private static string Folded(string path) =>
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? path.ToUpperInvariant() : path;

    private string FailModeFile => FileAt("\0fail-mode", ".txt");

    private string FileOf(string prefix) => FileAt(Folded(RealPath.Of(prefix)), ".json");

    private string FileAt(string name, string extension)
    {
        // FNV-1a: a file name, not for security; loading a cryptographic library would cost the check milliseconds.
        var key = 14_695_981_039_346_656_037ul;
        foreach (var unit in Encoding.UTF8.GetBytes(scope + "\n" + name))
        {
            key = unchecked((key ^ unit) * 1_099_511_628_211ul);
        }

        return Path.Combine(Settings.CacheFolder(surroundings), FolderName, key.ToString("x16") + extension);
    }
}
