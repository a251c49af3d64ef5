using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>A subject's place in an organization. <paramref name="Role"/> is member, administrator or auditor.</summary>
public sealed record Membership(OrganizationId Id, string Slug, string Name, string Role);

/// <summary>
/// Who is calling, as determined by the gateway: sent with every forwarded request, signed with the key that the gateway and the services
/// share (HMAC-SHA256, RFC 2104), valid for a minute. Form: base64url(JSON) <c>.</c> base64url(MAC of the first part).
/// </summary>
/// <param name="Memberships">
/// That of the organization that the request is about, or the subject's only one when the request names none; otherwise empty. A list,
/// because it once held all of them, which for some hundred is more than a header may hold.
/// </param>
public sealed record Assertion(
    Guid SubjectId, string SubjectType, string? Email, string DisplayName, bool Operator, IReadOnlyList<Membership> Memberships,
    Guid? TokenId, string RequestId, string? SourceAddress, string? UserAgent, long ExpiresAt)
{
    public const string Header = "X-EnvPlatform-Caller";
    public const string ServiceSubject = "service";

    /// <summary>The subject type of a request without a token, which the gateway forwards to sign-in only.</summary>
    public const string NobodySubject = "nobody";
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    /// <summary>The assertion of a service for its own calls.</summary>
    public static Assertion OfService(string service, DateTimeOffset now) =>
        new(Guid.Empty, ServiceSubject, null, service, false, [], null, "", null, null, (now + Lifetime).ToUnixTimeSeconds());

    /// <summary>The gateway's assertion for a request without a token: where it came from.</summary>
    public static Assertion OfNobody(string requestId, string? sourceAddress, string? userAgent, DateTimeOffset now) =>
        new(Guid.Empty, NobodySubject, null, "", false, [], null, requestId, sourceAddress, userAgent, (now + Lifetime)
            .ToUnixTimeSeconds());

    public string Sign(AssertionKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var body = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(this, AssertionJson.Default.Assertion));
        return $"{body}.{Base64Url.EncodeToString(key.Mac(body))}";
    }

    /// <summary>Null when the signature is not ours, the form is malformed or the assertion has expired.</summary>
    public static Assertion? Verify(string text, AssertionKey key, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(key);
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || !Base64Url.IsValid(text.AsSpan(dot + 1)) || !Base64Url.IsValid(text.AsSpan(0, dot))
            || !CryptographicOperations.FixedTimeEquals(key.Mac(text.AsSpan(0, dot)), Base64Url.DecodeFromChars(text.AsSpan(dot + 1))))
        {
            return null;
        }

        var assertion = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(text.AsSpan(0, dot)), AssertionJson.Default.Assertion);
        return assertion is not null && assertion.ExpiresAt > now.ToUnixTimeSeconds() ? assertion : null;
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(Assertion))]
internal sealed partial class AssertionJson : JsonSerializerContext;
