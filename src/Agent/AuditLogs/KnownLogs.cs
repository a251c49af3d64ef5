using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Transparency;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>
/// What was seen of logs before, kept beside the settings: the keys and the latest verified checkpoint of each, so that a log that was
/// rolled back or rewritten is noticed.
/// </summary>
internal sealed class KnownLogs
{
    private readonly string _file;
    private readonly JsonObject _logs;

    private KnownLogs(string file, JsonObject logs) => (_file, _logs) = (file, logs);

    public sealed record Known(IReadOnlyList<TrustedKey> Keys, SignedCheckpoint? Checkpoint);

    /// <exception cref="AgentException">The file is there and is not what it was.</exception>
    public static KnownLogs Load(Settings settings)
    {
        var file = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(settings.File))!, "audit-logs.json");
        try
        {
            return new(file, File.Exists(file) ? JsonNode.Parse(File.ReadAllBytes(file))!.AsObject() : []);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new AgentException($"{file} is not valid JSON: repair it, or delete it to forget which logs were verified.");
        }
    }

    /// <summary>Null for a log that was never verified.</summary>
    /// <exception cref="AgentException">What is kept of it cannot be read.</exception>
    public Known? Find(string url, string organization)
    {
        if (_logs[NameOf(url, organization)] is not JsonObject known)
        {
            return null;
        }

        var problems = new List<LogProblem>();
        var keys = KeysOf(known);
        var checkpoint = (string?)known["checkpoint"] is { } note ? SignedCheckpoint.Verify(note, keys, problems) : null;
        return problems.Count == 0
            ? new(keys, checkpoint)
            : throw new AgentException($"The checkpoint of {url} in {_file} is damaged: {problems[0].Message}");
    }

    /// <summary>The keys that are known of any log.</summary>
    public List<TrustedKey> AllKeys() => [.. _logs.Select(log => log.Value).OfType<JsonObject>().SelectMany(KeysOf)];

    public void Save(string url, string organization, IReadOnlyList<TrustedKey> keys, SignedCheckpoint checkpoint)
    {
        _logs[NameOf(url, organization)] = new JsonObject
        {
            ["keys"] = new JsonArray([.. keys.Select(key => (JsonNode)new JsonObject
            {
                ["key"] = key.Key.ToString(),
                ["valid_from"] = key.From?.ToString("O"),
                ["valid_until"] = key.Until?.ToString("O"),
            })]),
            ["checkpoint"] = checkpoint.Note,
        };
        PrivateFile.Write(_file, Encoding.UTF8.GetBytes(_logs.ToJsonString()));
    }

    private List<TrustedKey> KeysOf(JsonObject known)
    {
        try
        {
            return
            [
                .. known["keys"]!.AsArray().Select(key => new TrustedKey(
                    NoteKey.Parse((string)key!["key"]!)!, TimeOf(key["valid_from"]), TimeOf(key["valid_until"]))),
            ];
        }
        catch (Exception failure) when (failure is InvalidOperationException or NullReferenceException or FormatException)
        {
            throw new AgentException($"{_file} cannot be read: repair it, or delete it to forget which logs were verified.");
        }
    }

    private static DateTimeOffset? TimeOf(JsonNode? time) =>
        (string?)time is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : null;

    private static string NameOf(string url, string organization) => $"{url} {organization}";
}
