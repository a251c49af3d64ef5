using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.AuditLogs;
using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.AuditLogs;

/// <summary>
/// Verifies the organization's audit log as the platform serves it, an export, or a single event. The last two need the file and the key
/// alone, and no platform.
/// </summary>
internal sealed class AuditLogVerifyCommand : Command
{
    private readonly Argument<string?> _file = new("file")
    {
        Description = "An export (with its .manifest.json and .proof.jsonl beside it), or the proof of an event; without it, the live log.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _keys = new("--key")
    {
        Description =
            "A key that is trusted, NAME+ID+KEY, or a file of keys; without it, those that were seen when the log was first verified.",
        HelpName = "KEY|FILE",
    };

    private readonly Option<string[]> _checkpoints = new("--checkpoint")
    {
        Description = "A checkpoint of this log that somebody has kept: the log must contain it.",
        HelpName = "FILE",
    };

    private readonly Option<int> _maxAge = new("--max-age")
    {
        Description = "Minutes that the checkpoint of a live log may be old.",
        HelpName = "MINUTES",
        DefaultValueFactory = _ => (int)LiveLog.MaxAge.TotalMinutes,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON." };

    public AuditLogVerifyCommand(Surroundings surroundings)
        : base("verify", "Verify an audit log, an export of it, or one of its events.")
    {
        Add(_file);
        Add(_keys);
        Add(_checkpoints);
        Add(_maxAge);
        Add(_json);
        Validators.Add(result =>
        {
            if (result.GetValue(_file) is not null && result.GetValue(_checkpoints) is { Length: > 0 })
            {
                result.AddError("--checkpoint is for a live log.");
            }
        });
        _maxAge.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--max-age takes one minute or more.");
            }
        });
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        var given = (parsed.GetValue(_keys) ?? []).SelectMany(key => KeysOf(key, surroundings)).ToList();
        var verdict = parsed.GetValue(_file) is { } file
            ? VerifyFile(surroundings.FullPath(file), given, surroundings)
            : await VerifyLiveAsync(parsed, given, surroundings, screen, ct);
        Show(verdict, parsed.GetValue(_json), screen);
        return verdict.Problems.Count == 0 ? ExitCodes.Fine : ExitCodes.Found;
    }

    internal static Verdict VerifyFile(string file, List<TrustedKey> given, Surroundings surroundings)
    {
        if (!File.Exists(file))
        {
            throw new AgentException($"There is no file {file}.");
        }

        var keys = given.Count > 0 ? given : KnownLogs.Load(Settings.Load(surroundings)).AllKeys();
        if (keys.Count == 0)
        {
            throw new AgentException("Which key is trusted? Give it with --key.", ExitCodes.Usage);
        }

        // An export is a line for each event, a proof one object on one line or several.
        var isProof = !file.EndsWith(".jsonl", StringComparison.Ordinal);
        return isProof ? EventProof.Verify(File.ReadAllText(file), keys) : new ExportFile(file).Verify(keys);
    }

    private async Task<Verdict> VerifyLiveAsync(
        ParseResult parsed, List<TrustedKey> given, Surroundings surroundings, Screen screen, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var client = new AuditLogClient(session.Client, session.Organization);
        var logs = KnownLogs.Load(session.Settings);
        var url = session.Settings.Url!;
        var known = logs.Find(url, session.Organization);
        var served = TrustedKey.Parse(Encoding.UTF8.GetString((await client.GetAsync("keys", ct)).Body), "The platform's answer");
        var keys = given.Count > 0 ? given : known?.Keys ?? served;
        if (given.Count == 0 && known is null)
        {
            screen.Warn($"the keys of this log are seen for the first time and come from the platform itself; compare them with those "
                + $"that its operator tells you: {string.Join(" ", served.Select(key => key.Key))}");
        }

        var problems = new List<LogProblem>();
        var earlier = new List<SignedCheckpoint>(known?.Checkpoint is { } last ? [last] : []);
        foreach (var file in parsed.GetValue(_checkpoints) ?? [])
        {
            if (SignedCheckpoint.Verify(File.ReadAllText(surroundings.FullPath(file)), [.. keys, .. served], problems) is { } kept)
            {
                earlier.Add(kept);
            }
        }

        using var progress = new Progress(surroundings);
        var verdict = await new LiveLog(client, surroundings.Clock).VerifyAsync(
            keys, earlier, TimeSpan.FromMinutes(parsed.GetValue(_maxAge)), progress, ct);
        verdict = verdict with { Problems = [.. problems, .. verdict.Problems] };
        if (verdict is { Problems.Count: 0, Signed: { } signed })
        {
            // A key that signs together with a trusted one is the next one, and is trusted from now on.
            var next = served.Where(key => SignedCheckpoint.Verify(signed.Note, [key], []) is not null);
            logs.Save(url, session.Organization, [.. keys.Concat(next).DistinctBy(key => key.Key.ToString())], signed);
        }

        return verdict;
    }

    internal static List<TrustedKey> KeysOf(string given, Surroundings surroundings)
    {
        var path = surroundings.FullPath(given);
        return File.Exists(path) ? TrustedKey.Parse(File.ReadAllText(path), path) : TrustedKey.Parse(given, $"'{given}'");
    }

    internal static void Show(Verdict verdict, bool asJson, Screen screen)
    {
        var signed = verdict.Signed;
        if (asJson)
        {
            var answer = new JsonObject
            {
                ["verified"] = verdict.Problems.Count == 0,
                ["log"] = signed?.Checkpoint.Origin,
                ["size"] = signed?.Checkpoint.Size,
                ["root"] = signed is null ? null : Convert.ToBase64String(signed.Checkpoint.Root.Span),
                ["signed_at"] = signed?.SignedAt?.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                ["events"] = verdict.Events,
                ["problems"] = new JsonArray([.. verdict.Problems.Select(problem => (JsonNode)new JsonObject
                {
                    ["kind"] = problem.Kind,
                    ["seq"] = problem.Seq,
                    ["message"] = problem.Message,
                })]),
            };
            screen.Json(Encoding.UTF8.GetBytes(answer.ToJsonString()));
            return;
        }

        if (signed is not null)
        {
            screen.Fields(
                ("Log", signed.Checkpoint.Origin), ("Size", $"{signed.Checkpoint.Size} events"),
                ("Root", Convert.ToBase64String(signed.Checkpoint.Root.Span)),
                ("Signed", signed.SignedAt is { } at ? $"{at:u}" : "it does not say when"));
        }

        foreach (var problem in verdict.Problems)
        {
            screen.Line($"{problem.Kind}: {problem.Message}");
        }

        screen.Line(verdict.Problems.Count == 0
            ? $"Verified: {(verdict.Events == 1 ? "1 event is as it was" : $"{verdict.Events} events are as they were")} signed."
            : $"NOT verified: {verdict.Problems.Count} {(verdict.Problems.Count == 1 ? "problem" : "problems")}.");
    }
}
