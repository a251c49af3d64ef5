using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;

using EnvPlatform.Agent.Commands;
using EnvPlatform.Agent.Commands.Advisories;
using EnvPlatform.Agent.Commands.AuditLogs;
using EnvPlatform.Agent.Commands.Invitations;
using EnvPlatform.Agent.Commands.Members;
using EnvPlatform.Agent.Commands.Organizations;
using EnvPlatform.Agent.Commands.Policies;
using EnvPlatform.Agent.Commands.Vulnerabilities;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent;

/// <summary>The commands of <c>envplatform</c>, and their exit codes.</summary>
internal static class CommandLine
{
    /// <summary>As the other one, where the surroundings themselves may fail, such as a current folder that was removed.</summary>
    public static async Task<int> RunAsync(string[] args, Func<Surroundings> surroundings, CancellationToken ct)
    {
        Surroundings found;
        try
        {
            found = surroundings();
        }
        catch (Exception failure)
        {
            await Console.Error.WriteLineAsync("envplatform: " + OneLine(failure));
            return ExitCodes.CouldNot;
        }

        return await RunAsync(args, found, ct);
    }

    /// <summary>
    /// Runs a command line to its exit code (see <see cref="ExitCodes"/>); every failure becomes one sentence on standard error.
    /// </summary>
    public static async Task<int> RunAsync(string[] args, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        try
        {
            if (args is [TokenSource.RenewCommand])
            {
                return await TokenSource.RenewAsync(surroundings);
            }

            // Built alone, the check starts in half the time; it runs at every activation.
            var root = args is ["check", ..] ? Root(surroundings, new CheckCommand(surroundings)) : All(surroundings);
            var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parsed.Errors.Count > 0 && parsed.Action is not (HelpAction or PrintVersion))
            {
                screen.Note($"envplatform: {string.Join(" ", parsed.Errors.Select(error => error.Message))}");
                screen.Note($"See 'envplatform {string.Join("", PathOf(parsed.CommandResult.Command).Select(name => name + " "))}--help'.");
                return ExitCodes.Usage;
            }

            var configuration = new InvocationConfiguration
            {
                Output = surroundings.Out,
                Error = surroundings.Error,
                EnableDefaultExceptionHandler = false
            };
            return await parsed.InvokeAsync(configuration, ct);
        }
        catch (AgentException failure)
        {
            screen.Note("envplatform: " + failure.Message);
            return failure.ExitCode;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or RegexMatchTimeoutException)
        {
            screen.Note("envplatform: " + failure.Message);
            return ExitCodes.CouldNot;
        }
        catch (OperationCanceledException)
        {
            screen.Note("envplatform: interrupted.");
            return ExitCodes.CouldNot;
        }
        catch (Exception failure)
        {
            // A fault of the agent; whoever reads exit codes must not take a crash for an answer.
            screen.Note("envplatform: " + OneLine(failure));
            return ExitCodes.CouldNot;
        }
    }

    /// <summary>A failure that nobody foresaw, with its kind, in one line.</summary>
    internal static string OneLine(Exception failure)
    {
        var cause = failure is AggregateException { InnerExceptions: [var only, ..] } ? only : failure;
        return $"unexpected failure ({cause.GetType().Name}): {cause.Message.ReplaceLineEndings(" ")}";
    }

    /// <summary>Every command.</summary>
    public static RootCommand All(Surroundings surroundings) => Root(
        surroundings,
        new LoginCommand(surroundings),
        new LogoutCommand(surroundings),
        new StatusCommand(surroundings),
        new InvitationsCommand(surroundings),
        new OrganizationCommand(surroundings),
        new MembersCommand(surroundings),
        new RegisterCommand(surroundings),
        new LogCommand(surroundings),
        new CheckCommand(surroundings),
        new HookCommand(surroundings),
        new Command("audit", "Look at environments without logging them.") { new AuditScanCommand(surroundings) },
        new Command("env", "What the platform knows of environments.")
        {
            new EnvListCommand(surroundings),
            new EnvShowCommand(surroundings), new EnvVulnerabilitiesCommand(surroundings), new EnvFixCommand(surroundings),
        },
        new SbomCommand(surroundings),
        new VulnerabilityCommand(surroundings),
        new VexCommand(surroundings),
        new AuditLogCommand(surroundings),
        new Command("policy", "Policies of the organization, as documents.") { new PolicyCheckCommand(surroundings) },
        new AdvisoriesCommand(surroundings));

    private static RootCommand Root(Surroundings surroundings, params ReadOnlySpan<Command> commands)
    {
        var root = new RootCommand(
            "Logs conda environments to EnvPlatform, shows their vulnerabilities, and checks whether they may be used.");
        root.Options.OfType<VersionOption>().Single().Action = new PrintVersion(surroundings);
        foreach (var command in commands)
        {
            root.Subcommands.Add(command);
        }

        return root;
    }

    private static IEnumerable<string> PathOf(Command command) =>
        command is RootCommand ? [] : command.Parents.OfType<Command>().Take(1).SelectMany(PathOf).Append(command.Name);

    private sealed class PrintVersion(Surroundings surroundings) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            surroundings.Out.WriteLine(Surroundings.Version);
            return ExitCodes.Fine;
        }
    }
}
