using System.Text.Json.Nodes;

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

        // What is left out for other reasons has a warning of its own.
        Name(environment, NotExact.NoExactVersion, "left out, since the file does not say their exact version", screen);
        Name(
            environment, NotExact.PartialVersion, "no one version and in no log, since name=1.2 stands for any 1.2.x (name==1.2 is exact)",
            screen);
        Name(environment, NotExact.NotUnderstood, "left out, since the agent does not understand them", screen);
    }

    private static void Name(CollectedEnvironment environment, string reason, string why, Screen screen)
    {
        var open = environment.NotExact.Where(open => open.Reason == reason).ToArray();
        if (open.Length > 0)
        {
            var named = string.Join(", ", open.Take(Shown).Select(one => one.ShortSpec()));
            var more = open.Length > Shown ? $" and {open.Length - Shown} more" : "";
            screen.Warn($"{environment.Name}: {why}: {named}{more}.");
        }
    }

    /// <summary>What was left out, for the JSON of a command: <c>not_exact</c> as texts, <c>incomplete</c> with the reasons.</summary>
    public static void AddTo(JsonObject answer, CollectedEnvironment environment)
    {
        answer["not_exact"] = new JsonArray([.. environment.NotExact.Select(open => (JsonNode)open.Spec)]);
        answer["incomplete"] = new JsonArray([.. environment.NotExact.Select(open =>
            (JsonNode)new JsonObject { ["what"] = open.Spec, ["reason"] = open.Reason })]);
    }

    /// <exception cref="AgentException">Nothing was found that could be sent.</exception>
    public static void RequirePackages(CollectedEnvironment environment, bool orRanges = false)
    {
        if (environment.Packages.Count == 0 && !(orRanges && environment.Ranges.Any()))
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
