using System.Buffers;
using System.Text.Json;

using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Client;

/// <summary>
/// Hand-written JSON for the data of every activation check: even generated serializers compile two hundred methods at a cold start, which
/// takes as long as the call to the platform itself.
/// </summary>
internal static class LeanJson
{
    /// <exception cref="JsonException">The text is not an object of this form.</exception>
    public static StoredSettings ReadSettings(ReadOnlyMemory<byte> utf8) => Read(utf8, static root => new StoredSettings(
        Text(root, "url"),
        Text(root, "token"),
        Text(root, "organization"),
        Id(root, "machine_id"),
        root.TryGetProperty("check_timeout_ms", out var time) && time.ValueKind == JsonValueKind.Number
            && time.TryGetInt32(out var milliseconds) ? milliseconds : null,
        Text(root, "method"),
        Text(root, "kept_in"),
        Text(root, "pending_revocations"),
        Text(root, "said_disabled")));

    public static byte[] Write(StoredSettings settings) => Written(json =>
    {
        Write(json, "url", settings.Url);
        Write(json, "token", settings.Token);
        Write(json, "organization", settings.Organization);
        Write(json, "machine_id", settings.MachineId?.ToString());
        if (settings.CheckTimeoutMs is { } time)
        {
            json.WriteNumber("check_timeout_ms", time);
        }

        Write(json, "method", settings.Method);
        Write(json, "kept_in", settings.KeptIn);
        Write(json, "pending_revocations", settings.PendingRevocations);
        Write(json, "said_disabled", settings.SaidDisabled);
    });

    /// <exception cref="JsonException">The text is not an object of this form.</exception>
    public static StoredCredentials ReadCredentials(ReadOnlyMemory<byte> utf8) => Read(utf8, static root => new StoredCredentials(
        Text(root, "url") ?? throw new JsonException(),
        Text(root, "token") ?? throw new JsonException(),
        root.TryGetProperty("expires_at", out var at) && at.ValueKind == JsonValueKind.String && at.TryGetDateTimeOffset(out var time)
            ? time
            : null,
        Text(root, "refresh_token"),
        Text(root, "token_endpoint"),
        Text(root, "revocation_endpoint")));

    public static byte[] Write(StoredCredentials credentials) => Written(json =>
    {
        Write(json, "url", credentials.Url);
        Write(json, "token", credentials.Token);
        if (credentials.ExpiresAt is { } time)
        {
            json.WriteString("expires_at", time);
        }

        Write(json, "refresh_token", credentials.RefreshToken);
        Write(json, "token_endpoint", credentials.TokenEndpoint);
        Write(json, "revocation_endpoint", credentials.RevocationEndpoint);
    });

    /// <exception cref="JsonException">The text is not an object of this form.</exception>
    public static Activation ReadActivation(ReadOnlyMemory<byte> utf8) => Read(utf8, ActivationOf);

    /// <exception cref="JsonException">The text is not an object of this form.</exception>
    public static CachedActivation ReadCached(ReadOnlyMemory<byte> utf8) => Read(utf8, static root =>
        root.TryGetProperty("checked_at", out var at) && at.ValueKind == JsonValueKind.String && at.TryGetDateTimeOffset(out var time)
            ? new CachedActivation(ActivationOf(root), time)
            : throw new JsonException());

    /// <summary>The answer with more fields: what the cache keeps, and what <c>check --json</c> prints.</summary>
    public static byte[] Write(Activation answer, Action<Utf8JsonWriter> more) => Written(json =>
    {
        Write(json, "status", answer.Status);
        Write(json, "message", answer.Message);
        Write(json, "environment_id", answer.EnvironmentId?.ToString());
        if (answer.Reasons is { } reasons)
        {
            json.WritePropertyName("reasons");
            reasons.WriteTo(json);
        }

        more(json);
    });

    private static Activation ActivationOf(JsonElement root) => new(
        Text(root, "status") ?? throw new JsonException(),
        Text(root, "message"),
        Id(root, "environment_id"),
        root.TryGetProperty("reasons", out var reasons) && reasons.ValueKind == JsonValueKind.Array ? reasons.Clone() : null);

    private static T Read<T>(ReadOnlyMemory<byte> utf8, Func<JsonElement, T> read)
    {
        using var document = JsonDocument.Parse(utf8);
        try
        {
            return document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : throw new JsonException();
        }
        catch (InvalidOperationException failure)
        {
            throw new JsonException("A name or a text in it is no valid Unicode.", failure);
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static Guid? Id(JsonElement root, string name) => Guid.TryParseExact(Text(root, name), "D", out var id) ? id : null;

    private static void Write(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static byte[] Written(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
