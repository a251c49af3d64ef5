using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Vulnerabilities;

/// <summary>Gives the organization's verdict on a vulnerability, or on it in a package, a version, a build.</summary>
internal sealed class CurateCommand : Command
{
    private readonly Argument<string> _id = VulnerabilityCommand.Id();
    private readonly Option<string> _verdict = new("--status")
    {
        Description = "active (it concerns us), mitigated (something keeps it from being exploited), cleared (it does not affect us), "
            + "disputed, or reported, which takes a verdict back.",
        Required = true,
    };

    private readonly Option<string?> _reason = new("--reason") { Description = "Why; needed for all but reported.", HelpName = "TEXT" };
    private readonly Option<string?> _package =
        new("--package") { Description = "Only where it is found in this conda package or PyPI project.", HelpName = "NAME" };
    private readonly Option<string?> _packageVersion =
        new("--version") { Description = "Only in this version of the package.", HelpName = "VERSION" };
    private readonly Option<string?> _build = new("--build") { Description = "Only in this build of the package.", HelpName = "BUILD" };
    private readonly Option<string?> _expires = new("--expires")
    {
        Description = "When the verdict lapses by itself: days (90d), a date (2027-01-31: at its beginning in UTC) or a time of RFC 3339.",
        HelpName = "WHEN",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public CurateCommand(Surroundings surroundings)
        : base("curate", "Say what your organization holds of a vulnerability (administrators and security managers).")
    {
        _verdict.AcceptOnlyFromAmong("reported", "active", "mitigated", "cleared", "disputed");
        _expires.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && Time(token.Value, default) is null)
            {
                result.AddError($"'{token.Value}' is not a time: say 90d, 2027-01-31 or 2027-01-31T12:00:00Z.");
            }
        });
        Validators.Add(Check);
        Add(_id);
        Add(_verdict);
        Add(_reason);
        Add(_package);
        Add(_packageVersion);
        Add(_build);
        Add(_expires);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var id = parsed.GetValue(_id)!;
        var request = new CurationRequest(
            parsed.GetValue(_verdict)!, parsed.GetValue(_package), parsed.GetValue(_packageVersion), parsed.GetValue(_build),
            parsed.GetValue(_reason), parsed.GetValue(_expires) is { } expires ? Time(expires, surroundings.Clock.GetUtcNow()) : null);
        var body = JsonSerializer.SerializeToUtf8Bytes(request, AgentJson.Default.CurationRequest);
        var answer = await session.Client.WriteAsync(
            HttpMethod.Put, session.Path(VulnerabilityCommand.PathOf(id) + "/curation"),
            () => new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            CallOptions.Usual, ct);

        var screen = new Screen(surroundings);
        if (answer.Status == HttpStatusCode.NoContent)
        {
            if (!parsed.GetValue(_json))
            {
                screen.Line($"{id} is held as it was reported again.");
            }

            return ExitCodes.Fine;
        }

        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
            return ExitCodes.Fine;
        }

        var curation = answer.As(AgentJson.Default.CurationView);
        screen.Line(
            $"{curation.VulnerabilityId} is {curation.Status} {(curation.Package is null ? "everywhere" : "in " + curation.Scope())}"
                + (curation.ExpiresAt is { } end ? $", until {Times.Minute(end)} UTC." : "."));
        return ExitCodes.Fine;
    }

    private void Check(CommandResult command)
    {
        if (command.GetResult(_package) is null && command.GetResult(_packageVersion) is not null)
        {
            command.AddError("--version needs --package.");
        }

        if (command.GetResult(_package) is null && command.GetResult(_build) is not null)
        {
            command.AddError("--build needs --package.");
        }

        if (command.GetResult(_verdict) is { Tokens: [{ Value: not "reported" }] }
            && string.IsNullOrWhiteSpace(command.GetResult(_reason) is { Tokens: [var reason] } ? reason.Value : null))
        {
            command.AddError("--reason is needed: say why.");
        }
    }

    private static DateTimeOffset? Time(string text, DateTimeOffset now)
    {
        if (text.EndsWith('d') && int.TryParse(text.AsSpan(..^1), NumberStyles.None, CultureInfo.InvariantCulture, out var days)
            && days is > 0 and <= 36_500)
        {
            return now.AddDays(days);
        }

        return char.IsAsciiDigit(text.FirstOrDefault())
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) && text.Length >= 10
            ? time
            : null;
    }
}
