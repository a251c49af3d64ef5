using System.CommandLine;

using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Ends the sign-in: revokes it at the platform, or later where that does not answer; deletes the secrets, the organization and the cache.
/// The machine keeps its id. A token that was handed over stays valid.
/// </summary>
internal sealed class LogoutCommand : Command
{
    public LogoutCommand(Surroundings surroundings)
        : base("logout", "End the sign-in, here and at the platform, and forget the cached answers.")
    {
        SetAction((_, ct) => RunAsync(surroundings, ct));
    }

    private static async Task<int> RunAsync(Surroundings surroundings, CancellationToken ct)
    {
        var settings = Settings.Load(surroundings);
        var wasHandedOver = settings.Stored.Method is null or SignInRecord.ByToken
            && (settings.Stored.Token ?? settings.Stored.KeptIn) is not null;
        var revoked = File.Exists(settings.File) ? await new SignInRecord(surroundings, settings).EndAsync(ct) : new Revoked(0, null);

        var cache = Settings.CacheFolder(surroundings);
        if (Directory.Exists(Path.Combine(cache, ActivationCache.FolderName)))
        {
            Directory.Delete(Path.Combine(cache, ActivationCache.FolderName), recursive: true);
        }

        if (Directory.Exists(cache))
        {
            File.Delete(Path.Combine(cache, "registration"));
        }

        var screen = new Screen(surroundings);
        screen.Line("Signed out.");
        if (revoked.Refused is { } refused)
        {
            screen.Warn($"the platform did not revoke the sign-in: {refused} An administrator can end the session.");
        }

        if (revoked.Pending > 0)
        {
            screen.Warn(
                "the platform did not answer: the sign-in is still valid there. It is revoked at the next 'envplatform login', 'logout' or "
                + "'status' that reaches the platform; an administrator can end the session at once.");
        }

        if (wasHandedOver)
        {
            screen.Note("The token itself stays valid until it expires or is revoked.");
        }

        if (surroundings["ENVPLATFORM_TOKEN"] is not null)
        {
            screen.Warn("ENVPLATFORM_TOKEN is still set and goes on being used.");
        }

        return ExitCodes.Fine;
    }
}
