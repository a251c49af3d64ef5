using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>The options of commands that choose events, and what the API calls them: an event must pass all that are given.</summary>
internal sealed class EventFilters
{
    private readonly Option<string?> _action = new("--action")
    {
        Description = "Only these actions: policy_updated, token_*; several with commas between them.",
        HelpName = "KEY"
    };

    private readonly Option<string?> _actor = new("--actor")
    {
        Description = "Only what this one did: an id, or an e-mail address, which may hold *.",
        HelpName = "WHO"
    };

    private readonly Option<string?> _target = new("--target")
    {
        Description = "Only what was done to this one: an id, or an e-mail address, which may hold *.",
        HelpName = "WHAT"
    };

    private readonly Option<string?> _from = new("--from")
    {
        Description = "Since this date or RFC 3339 time.",
        HelpName = "TIME"
    };

    private readonly Option<string?> _to = new("--to") { Description = "Until this date or time, inclusive.", HelpName = "TIME" };

    private readonly Option<string?> _search = new("--search")
    {
        Description = "Words of the message or the target: word, \"a phrase\", or, -word.",
        HelpName = "WORDS"
    };

    public void AddTo(Command command)
    {
        AddNamesTo(command);
        foreach (var option in new[] { _from, _to, _search })
        {
            command.Add(option);
        }

        _from.Validators.Add(CheckTime);
        _to.Validators.Add(CheckTime);
    }

    /// <summary>Those that the stream of events has.</summary>
    public void AddNamesTo(Command command)
    {
        foreach (var option in new[] { _action, _actor, _target })
        {
            command.Add(option);
        }
    }

    /// <summary>The filters by columns.</summary>
    public IReadOnlyList<string> Columns(ParseResult parsed) =>
    [
        .. new[]
        {
            parsed.GetValue(_action) is { } action ? "action_key:" + action : null,
            parsed.GetValue(_actor) is { } actor ? (IsAddress(actor) ? "actor_email:" : "actor_id:") + actor : null,
            parsed.GetValue(_target) is { } target ? (IsAddress(target) ? "target_email:" : "target_id:") + target : null,
        }.OfType<string>(),
    ];

    public string? From(ParseResult parsed) => parsed.GetValue(_from);

    public string? To(ParseResult parsed) => parsed.GetValue(_to);

    public string? Search(ParseResult parsed) => parsed.GetValue(_search);

    /// <summary>As parameters of an address.</summary>
    public IEnumerable<(string Name, string? Value)> Query(ParseResult parsed) =>
    [
        .. Columns(parsed).Select(column => ("q", (string?)column)),
        ("search_operator", "and"),
    ];

    private static bool IsAddress(string text) => text.Contains('@', StringComparison.Ordinal);

    private static void CheckTime(OptionResult result)
    {
        if (result.Tokens is [var token]
            && !DateOnly.TryParseExact(token.Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)
            && !(token.Value.Contains('T', StringComparison.OrdinalIgnoreCase)
                && DateTimeOffset.TryParse(token.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _)))
        {
            result.AddError($"{result.IdentifierToken?.Value} takes a date, 2026-11-28, or a time, 2026-11-28T14:00:00Z.");
        }
    }
}
