using System.CommandLine;
using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Tests;

/// <summary>docs/agent.md documents the program's commands and options.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(TestData.Repository, "docs", "agent.md"));

    [Test]
    public void Every_command_and_option_is_documented()
    {
        using var machine = new Commands.UserMachine();
        var root = CommandLine.All(machine.Surroundings(TextWriter.Null, TextWriter.Null));
        Assert.That(Names(root, "").Where(name => !Document.Contains(name, StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Every_environment_variable_is_documented()
    {
        var variables = Directory.EnumerateFiles(Path.Combine(TestData.Repository, "src", "Agent"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => Variable().Matches(File.ReadAllText(file)).Select(match => match.Value))
            .Distinct(StringComparer.Ordinal)
            .ToArray();
        Assert.That(variables, Is.Not.Empty);
        Assert.That(variables.Where(variable => !Document.Contains(variable, StringComparison.Ordinal)), Is.Empty);
    }

    private static IEnumerable<string> Names(Command command, string path) =>
        command.Subcommands.SelectMany(child => Names(child, $"{path}{child.Name} ").Append(path + child.Name))
            .Concat(command.Options.Select(option => option.Name));

    [GeneratedRegex("ENVPLATFORM_[A-Z_]+", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Variable();
}
