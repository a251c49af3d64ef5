using System.CommandLine;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;
using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Logs environments: reads their packages and sends first the digest alone, then all packages where the platform does not know the set.
/// </summary>
internal sealed class LogCommand : Command
{
    private readonly Option<string?> _commandText = new("--command")
    {
        Description = "The command that changed the environment; by default the last one of conda's history.",
        HelpName = "TEXT",
    };

    private readonly Option<bool> _wait = new("--wait") { Description = "Wait until the scan is done." };
    private readonly Option<bool> _json = new("--json")
    {
        Description = "One JSON object a line for each environment: the platform's answer with name, prefix and what was left out."
    };

    private readonly Option<bool> _fromHook = new("--from-hook")
    {
        Description = "Run by a hook: that the organization does not manage environments is said once and no failure.",
    };

    public LogCommand(Surroundings surroundings)
        : base("log", "Log environments to the organization; without options, the active one.")
    {
        Add(_commandText);
        Add(_wait);
        Add(_json);
        Add(_fromHook);
        var target = TargetOptions.AddTo(this, files: true, all: true);
        SetAction((parsed, ct) => RunAsync(parsed, target, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, TargetOptions target, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        try
        {
            var result = await LogAllAsync(session, parsed, target, surroundings, ct);
            NoteDisabled(session, isDisabled: false);
            return result;
        }
        catch (RefusedException refused) when (refused.Code == RefusedException.EnvironmentsDisabled && parsed.GetValue(_fromHook))
        {
            if (session.Settings.Stored.SaidDisabled != session.Organization)
            {
                new Screen(surroundings).Note("envplatform: " + refused.Message);
                NoteDisabled(session, isDisabled: true);
            }

            return ExitCodes.Fine;
        }
    }

    private static void NoteDisabled(Session session, bool isDisabled)
    {
        var said = isDisabled ? session.Organization : null;
        if (session.Settings.Stored.SaidDisabled == said || (said is null && session.Settings.Stored.SaidDisabled != session.Organization))
        {
            return;
        }

        try
        {
            session.Settings.Update(stored => stored with { SaidDisabled = said });
        }
        catch (AgentException)
        {
            // It is said once more.
        }
    }

    private async Task<int> LogAllAsync(
        Session session, ParseResult parsed, TargetOptions target, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        var environments = target.Collect(parsed, surroundings, out var mayMiss);
        var result = mayMiss ? ExitCodes.CouldNot : ExitCodes.Fine;
        foreach (var environment in environments)
        {
            try
            {
                await LogAsync(session, parsed, environment, screen, ct);
                if (environment.NotExact.Count > 0)
                {
                    screen.Note($"envplatform: {environment.Name} was logged as far as it could be read: "
                        + $"{environment.NotExact.Count} could not be read in full. What else is in it is not known.");
                    result = ExitCodes.CouldNot;
                }
            }
            catch (Exception failure) when (failure is not (UnreachableException or SignInEndedException or OperationCanceledException
                or RefusedException { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden }))
            {
                // One environment that cannot be logged must not prevent the others.
                screen.Note($"envplatform: {environment.Name} ({environment.Prefix}) was not logged: {failure.Message}");
                result = ExitCodes.CouldNot;
            }
        }

        return result;
    }

    private async Task LogAsync(Session session, ParseResult parsed, CollectedEnvironment environment, Screen screen, CancellationToken ct)
    {
        CollectionNotes.Print(environment, screen);
        CollectionNotes.RequirePackages(environment);
        var command = parsed.GetValue(_commandText) is { } given ? Secrets.Masked(given) : environment.Command;
        command = command is null ? null : PlainText.Of(command);

        using var progress = new Progress(session.Surroundings);
        progress.Show($"Logging {environment.Name} ({environment.Packages.Count} packages)...");
        var answer = await EnvironmentLogging.SendAsync(session, environment, CollectionNotes.PlatformOf(environment, screen), command, ct);
        var logged = answer.As(AgentJson.Default.LoggedEnvironment);
        if (logged.Status is { } status)
        {
            ActivationCache.Of(session).Write(environment.Prefix, new Activation(status, logged.Message, logged.EnvironmentId));
        }

        SeverityCounts? scanned = null;
        if (logged.Scan == "pending" && parsed.GetValue(_wait))
        {
            progress.Show($"Waiting for the scan of {environment.Name}...");
            scanned = await ScanWait.UntilDoneAsync(session, logged.EnvironmentId, ct);
        }

        progress.Dispose();
        if (parsed.GetValue(_json))
        {
            WriteJson(answer, environment, scanned, screen);
        }
        else
        {
            Write(logged, environment, scanned, screen);
        }
    }

    private static void Write(LoggedEnvironment logged, CollectedEnvironment environment, SeverityCounts? scanned, Screen screen)
    {
        var pending = logged.Scan == "pending" && scanned is null;
        screen.Line($"{environment.Name}: "
            + $"{(logged.Created ? "logged for the first time" : logged.Changed ? "logged, changed" : "logged, unchanged")}");
        screen.Fields(
            ("  environment", logged.EnvironmentId.ToString()),
            ("  prefix", environment.Prefix),
            ("  resolved", RealPath.Of(environment.Prefix) is var real && real != environment.Prefix ? real : null),
            ("  packages", logged.Packages.ToString()),
            ("  incomplete", environment.NotExact.Count > 0 ? $"yes, {environment.NotExact.Count} could not be read in full" : null),
            ("  vulnerabilities", pending ? "the scan is pending" : Severity.Text(scanned ?? logged.Vulnerabilities)),
            ("  status", logged.Message is { Length: > 0 } message ? $"{logged.Status}: {message}" : logged.Status));
        if (pending)
        {
            screen.Note($"See the result with 'envplatform env show {logged.EnvironmentId}', or log with --wait.");
        }
    }

    private static void WriteJson(PlatformAnswer answer, CollectedEnvironment environment, SeverityCounts? scanned, Screen screen)
    {
        var text = JsonNode.Parse(answer.Body)!.AsObject();
        text["name"] = environment.Name;
        text["prefix"] = environment.Prefix;
        text["resolved_prefix"] = RealPath.Of(environment.Prefix);
        CollectionNotes.AddTo(text, environment);
        if (scanned is not null)
        {
            text["scan"] = "done";
            text["vulnerabilities"] = JsonSerializer.SerializeToNode(scanned, AgentJson.Default.SeverityCounts);
        }

        screen.Json(Encoding.UTF8.GetBytes(text.ToJsonString()));
    }
}
