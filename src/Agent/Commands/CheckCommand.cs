using System.CommandLine;
using System.Globalization;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Asks whether an environment may be activated. It waits for the platform for 300 ms at most, then repeats the platform's last answer, and
/// says so, unless the organization wants something else. It reads no packages and registers nothing.
/// </summary>
internal sealed class CheckCommand : Command
{
    public CheckCommand(Surroundings surroundings)
        : base("check", "May the environment be activated? Ends with 1 where it is blocked.")
    {
        var json = new Option<bool>("--json") { Description = "Answer in JSON." };
        Add(json);
        var target = TargetOptions.AddTo(this);
        var command = new Argument<string[]>("command")
        {
            Description = "After '--': a command such as 'conda activate NAME'; the environment is the one that it would activate, if any.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        command.Validators.Add(result =>
        {
            if (result.Tokens is [var first, ..] && !ActivatingCommand.IsTool(first.Value))
            {
                result.AddError($"'{first.Value}' is no command of conda, mamba, micromamba or pixi.");
            }
        });
        Add(command);
        SetAction(parsed => parsed.GetValue(command) is { Length: > 0 } words
            ? ActivatingCommand.PrefixOf(words, surroundings) is { } prefix
                ? Run(prefix, parsed.GetValue(json), surroundings)
                : ExitCodes.Fine
            : Run(target.Prefix(parsed, surroundings), parsed.GetValue(json), surroundings));
    }

    private static int Run(string prefix, bool json, Surroundings surroundings)
    {
        using var session = Session.Open(surroundings, compressed: false);
        var cache = ActivationCache.Of(session);
        Activation answer;
        DateTimeOffset? cachedAt = null;
        string? why = null;
        try
        {
            answer = Ask(session, cache, prefix);
            cache.Write(prefix, answer);
        }
        catch (UnreachableException failure) when (cache.ReadFailMode() is { } mode)
        {
            answer = mode == "open"
                ? new Activation("ok", "the organization lets environments be activated while the platform does not answer.")
                : new Activation("block", "the organization lets none be activated while the platform does not answer.");
            new Screen(surroundings).Note($"({failure.Message})");
        }
        catch (AgentException failure) when (failure is UnreachableException or RefusedException or SignInEndedException)
        {
            if (cache.Read(prefix) is not { } cached)
            {
                throw new AgentException($"The check of {prefix} was not possible: {failure.Message}");
            }

            (answer, cachedAt, why) = (cached.Answer, cached.CheckedAt, failure.Message);
        }

        Print(prefix, answer, cachedAt, why, json, surroundings);
        return answer.Status == "block" ? ExitCodes.Found : ExitCodes.Fine;
    }

    private static Activation Ask(Session session, ActivationCache cache, string prefix)
    {
        // Without an id this machine has never logged anything, so its environments are unknown.
        if (session.Settings.MachineId is not { } machine)
        {
            return new Activation("unknown");
        }

        var path = session.Path("activation") + Session.Query(("machine_id", machine.ToString()), ("prefix", RealPath.Of(prefix)));
        var answer = session.Client.GetWithin(path, session.Settings.CheckTimeout);
        cache.KeepFailMode(answer.FailMode);
        return answer.AsActivation();
    }

    private static void Print(string prefix, Activation answer, DateTimeOffset? cachedAt, string? why, bool json, Surroundings surroundings)
    {
        var screen = new Screen(surroundings);
        var message = answer.Message is { Length: > 0 } given ? given : null;
        switch (answer.Status)
        {
            case "block":
                screen.Note($"{prefix} is blocked: {message ?? "an administrator of the organization blocked it."}");
                break;
            case "warn":
                screen.Note($"warning for {prefix}: {message ?? "an administrator of the organization warns about it."}");
                break;
            case "ok" when message is not null:
                screen.Note($"{prefix}: {message}");
                break;
            case "unknown":
                screen.Note($"{prefix} was never logged: 'envplatform log --prefix {ShellWord.Of(prefix)}' does it.");
                break;
        }

        if (answer.Status is "block" or "warn")
        {
            foreach (var line in ActivationReasons.Lines(answer.Reasons, message, answer.EnvironmentId))
            {
                screen.Note(line);
            }
        }

        if (cachedAt is { } at)
        {
            screen.Note("(answered from the cache, as the platform said at "
                + $"{at.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)}: {why})");
        }

        if (json)
        {
            WriteJson(prefix, answer, cachedAt, screen);
        }
    }

    private static void WriteJson(string prefix, Activation answer, DateTimeOffset? cachedAt, Screen screen) =>
        screen.Json(LeanJson.Write(answer, json =>
        {
            json.WriteString("prefix", prefix);
            json.WriteString("source", cachedAt is null ? "platform" : "cache");
            if (cachedAt is { } at)
            {
                json.WriteString("checked_at", at);
            }
        }));
}
