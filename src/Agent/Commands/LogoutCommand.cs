using System.CommandLine;

using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Deletes the token, the organization and the cache; the machine keeps its id. The token itself stays valid.</summary>
internal sealed class LogoutCommand : Command
{
    public LogoutCommand(Surroundings surroundings)
        : base("logout", "Forget the token and the cached answers.")
    {
        SetAction(_ => Run(surroundings));
    }

    private static int Run(Surroundings surroundings)
    {
        var settings = Settings.Load(surroundings);
        if (File.Exists(settings.File))
        {
            settings.Save(settings.Stored with { Token = null, Organization = null });
        }

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
        if (surroundings["ENVPLATFORM_TOKEN"] is not null)
        {
            screen.Warn("ENVPLATFORM_TOKEN is still set and goes on being used.");
        }

        return ExitCodes.Fine;
    }
}
