using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Commands;

/// <summary>The last answer to each environment's activation check, for when the platform is slow or away.</summary>
internal sealed class ActivationCache(Surroundings surroundings, string scope)
{
    public const string FolderName = "activation";

    /// <summary>The last answer for a prefix; null where there is none or it cannot be read.</summary>
    public CachedActivation? Read(string prefix)
    {
        var file = FileOf(prefix);
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize(File.ReadAllBytes(file), AgentJson.Default.CachedActivation) : null;
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps an answer; a cache that cannot be written is no reason to fail.</summary>
    public void Write(string prefix, Activation answer)
    {
        var kept = new CachedActivation(answer, surroundings.Clock.GetUtcNow());
        try
        {
            PrivateFile.Write(FileOf(prefix), JsonSerializer.SerializeToUtf8Bytes(kept, AgentJson.Default.CachedActivation));
        }
        catch (AgentException)
        {
            // The next check asks again.
        }
    }

    /// <summary>The answers of one platform, organization and machine are nothing to another.</summary>
    public static ActivationCache Of(Session session) =>
        new(session.Surroundings, $"{session.Settings.Url} {session.Organization} {session.Settings.MachineId}");

    private string FileOf(string prefix)
    {
        var key = SHA256.HashData(Encoding.UTF8.GetBytes(scope + "\n" + prefix));
        return Path.Combine(Settings.CacheFolder(surroundings), FolderName, Convert.ToHexStringLower(key.AsSpan(0, 16)) + ".json");
    }
}
