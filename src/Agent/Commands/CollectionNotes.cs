using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands;

/// <summary>Writes to standard error what was left out when an environment was read, so that nothing is dropped silently.</summary>
internal static class CollectionNotes
{
    private const int Shown = 20;

    public static void Print(CollectedEnvironment environment, Screen screen)
    {
        foreach (var warning in environment.Warnings.Take(Shown))
        {
            screen.Warn($"{environment.Name}: {warning}");
        }

        if (environment.Warnings.Count > Shown)
        {
            screen.Warn($"{environment.Name}: and {environment.Warnings.Count - Shown} more like these.");
        }

        if (environment.NotExact.Count == 0)
        {
            return;
        }

        var named = string.Join(", ", environment.NotExact.Take(Shown).Select(open => open.Spec));
        var more = environment.NotExact.Count > Shown ? $" and {environment.NotExact.Count - Shown} more" : "";
        screen.Warn($"{environment.Name}: left out, since the file does not say their exact version: {named}{more}.");
    }

    /// <exception cref="AgentException">Nothing was found that could be sent.</exception>
    public static void RequirePackages(CollectedEnvironment environment)
    {
        if (environment.Packages.Count == 0)
        {
            throw new AgentException($"{environment.Prefix} holds no package with an exact version: there is nothing to send.");
        }
    }

    /// <summary>The platform, or this machine's with a note where neither packages nor file name it.</summary>
    public static string PlatformOf(CollectedEnvironment environment, Screen screen)
    {
        if (environment.Platform is { } platform)
        {
            return platform;
        }

        var here = CondaPlatform.OfThisMachine();
        screen.Warn($"{environment.Name}: nothing says for which platform it is; {here} is assumed (see --platform).");
        return here;
    }
}
