using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Organizations;

/// <summary>
/// Changes settings of the organization, as they were when the command read them: a change of somebody else's in between is not lost.
/// </summary>
internal sealed class SetCommand : Command
{
    private readonly Argument<string[]> _pairs = new("setting")
    {
        Description = "NAME=VALUE, as 'organization show' names them: yes or no, a number, a text, a list with commas, "
            + "for enforcement_paused_until hours from now (8h), a time, or 'no', for retention_days_archived days, or 'no'.",
        Arity = ArgumentArity.OneOrMore,
        HelpName = "NAME=VALUE",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON, as the platform sends it." };

    public SetCommand(Surroundings surroundings)
        : base("set", "Change settings of the organization (administrators).")
    {
        _pairs.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => token.Value.IndexOf('=', StringComparison.Ordinal) < 1))
            {
                result.AddError($"'{token.Value}' is no NAME=VALUE, such as environments_enabled=yes.");
            }
        });
        Add(_pairs);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        using var session = Session.Open(surroundings);
        var present = (await session.Client.GetAsync(session.Path("settings"), CallOptions.Usual, ct)).As(AgentJson.Default.JsonElement);
        var change = new JsonObject();
        foreach (var (name, value) in parsed.GetValue(_pairs)!.Select(pair => pair.Split('=', 2)).Select(pair => (pair[0], pair[1])))
        {
            if (!present.TryGetProperty(name, out var now) || name is "version" or "updated_at")
            {
                throw new AgentException(
                    $"There is no setting '{name}': 'envplatform organization show' lists them.", ExitCodes.Usage);
            }

            change[name] = ValueOf(name, value, now.ValueKind, surroundings.Clock.GetUtcNow());
        }

        var body = Encoding.UTF8.GetBytes(change.ToJsonString());
        var answer = await session.Client.WriteAsync(
            HttpMethod.Patch, session.Path("settings"), () => JsonBody.Of(body), CallOptions.Usual, ct,
            ifMatch: present.GetProperty("version").GetRawText());
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_json))
        {
            screen.Json(answer.Body);
            return ExitCodes.Fine;
        }

        var changed = answer.As(AgentJson.Default.JsonElement);
        var settings = changed.GetProperty("settings");
        screen.Line(
            settings.GetProperty("version").GetRawText() == present.GetProperty("version").GetRawText()
                ? "Nothing to change: that is how it is." : $"Changed: {string.Join(", ", change.Select(field => field.Key))}.");
        if (changed.GetProperty("tokens_over_limit").GetInt64() is > 0 and var over && change.ContainsKey("token_max_days"))
        {
            screen.Note($"{over} tokens stay good for longer than that.");
        }

        return ExitCodes.Fine;
    }

    /// <exception cref="AgentException">The setting has no such value.</exception>
    private static JsonNode ValueOf(string name, string value, JsonValueKind present, DateTimeOffset now) => present switch
    {
        JsonValueKind.True or JsonValueKind.False => value switch
        {
            "yes" or "true" or "on" => JsonValue.Create(true),
            "no" or "false" or "off" => JsonValue.Create(false),
            _ => throw new AgentException($"{name} is yes or no.", ExitCodes.Usage),
        },
        JsonValueKind.Number when name != "retention_days_archived" => NumberOf(name, value),
        JsonValueKind.Array => new JsonArray(
            [.. value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(item => (JsonNode)JsonValue.Create(item))]),
        _ when name == "retention_days_archived" => value is "no" or "never" ? JsonValue.Create(0) : NumberOf(name, value),
        _ when name == "enforcement_paused_until" => JsonValue.Create(TimeOf(value, now)),
        _ => JsonValue.Create(value),
    };

    private static JsonValue NumberOf(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? JsonValue.Create(number) : throw new AgentException($"{name} is a whole number.", ExitCodes.Usage);

    private static string TimeOf(string value, DateTimeOffset now)
    {
        if (value is "no" or "never")
        {
            return now.AddMinutes(-1).ToString("O", CultureInfo.InvariantCulture);
        }

        return value.EndsWith('h') && int.TryParse(value.AsSpan(..^1), NumberStyles.None, CultureInfo.InvariantCulture, out var hours)
            ? now.AddHours(hours).ToString("O", CultureInfo.InvariantCulture) : value;
    }
}
