using System.CommandLine;

using EnvPlatform.Agent.Output;
using EnvPlatform.Policy.Documents;

namespace EnvPlatform.Agent.Commands.Policies;

/// <summary>Validates policy documents as the platform does, without it.</summary>
internal sealed class PolicyCheckCommand : Command
{
    private readonly Argument<string[]> _files = new("file")
    {
        Description = "Policy documents, YAML or JSON; - reads standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> _explain = new("--explain") { Description = "Say in plain sentences what valid documents say." };

    public PolicyCheckCommand(Surroundings surroundings)
        : base("check", "Are policy documents valid? Ends with 1 where one is not. Asks no platform.")
    {
        Add(_files);
        Add(_explain);
        SetAction(parsed => Run(parsed.GetValue(_files)!, parsed.GetValue(_explain), surroundings));
    }

    private static int Run(string[] files, bool explain, Surroundings surroundings)
    {
        var screen = new Screen(surroundings);
        var exitCode = ExitCodes.Fine;
        foreach (var file in files)
        {
            string text;
            try
            {
                text = Read(file, surroundings);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                screen.Note($"envplatform: {failure.Message}");
                exitCode = ExitCodes.CouldNot;
                continue;
            }

            var (policy, errors) = PolicyParser.Parse(text);
            foreach (var error in errors)
            {
                screen.Line($"{Place(file, error)}: {(error.Path.Length == 0 ? "" : error.Path + ": ")}{error.Message}");
            }

            if (policy is null)
            {
                exitCode = Math.Max(exitCode, ExitCodes.Found);
                continue;
            }

            screen.Line($"{file}: valid: policy {policy.Name}, {policy.Rules.Count} {(policy.Rules.Count == 1 ? "rule" : "rules")}");
            if (explain)
            {
                Explain(policy, screen);
            }
        }

        return exitCode;
    }

    private static void Explain(PolicyDocument policy, Screen screen)
    {
        screen.Line("  " + Sentences.Of(policy));
        foreach (var rule in policy.Rules)
        {
            screen.Line($"  {rule.Name}: {Sentences.Of(rule)}");
        }
    }

    private static string Place(string file, PolicyError error) => error.Line > 0 ? $"{file}:{error.Line}" : file;

    // No further than a document may be long: a character more is refused by its reader.
    private static string Read(string file, Surroundings surroundings)
    {
        using var opened = file == "-" ? null : new StreamReader(surroundings.FullPath(file));
        var reader = opened ?? surroundings.In;
        var buffer = new char[DocumentReader.LongestText + 1];
        return new(buffer, 0, reader.ReadBlock(buffer));
    }
}
