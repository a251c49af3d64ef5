using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>A subject's place in an organization, and what that organization has decided for everybody.</summary>
/// <param name="Role">One of <see cref="Roles.OfOrganization"/>.</param>
/// <param name="EnvironmentsEnabled">Whether the organization manages environments: otherwise it takes no logs, and blocks nothing.</param>
/// <param name="EnforcementPausedUntil">Until then a block warns and stops nobody; null: no pause.</param>
/// <param name="AgentFailMode">What an agent does while the platform is away: open or closed; null: what it was told last.</param>
/// <param name="Products">Those that the subject has a seat of; null: none.</param>
public sealed record Membership(
    OrganizationId Id, string Slug, string Name, string Role, bool EnvironmentsEnabled = false,
    DateTimeOffset? EnforcementPausedUntil = null, IReadOnlyList<string>? Products = null, string? AgentFailMode = null)
{
    public bool HasSeat(string product) => Products?.Contains(product) == true;
}

/// <summary>An organization that a request names and that is not the caller's. For the audit log alone; the caller is never told.</summary>
public sealed record AskedOrganization(OrganizationId Id, string Slug);

/// <summary>
/// Who is calling, as determined by the gateway: sent with every forwarded request, and by services with their own calls. Signed with the
/// key that only the caller and the called service hold (<see cref="CallKey"/>), valid for half a minute. Form: the caller's name <c>.</c>
/// base64url(JSON) <c>.</c> base64url(MAC of what is before it).
/// </summary>
/// <param name="Memberships">
/// That of the organization that the request is about, or the subject's only one when the request names none; otherwise empty. A list,
/// because it once held all of them, which for some hundred is more than a header may hold.
/// </param>
/// <param name="Asked">The organization that the request names, where there is one and it is not the subject's.</param>
/// <param name="Scopes">Permissions that the token is good for, at most; null: all that the subject has.</param>
/// <param name="MachineId">The only machine that the token is good for; null: any.</param>
public sealed record Assertion(
    Guid SubjectId, string SubjectType, string? Email, string DisplayName, bool Operator, IReadOnlyList<Membership> Memberships,
    Guid? TokenId, string RequestId, string? SourceAddress, string? UserAgent, long ExpiresAt,
    AskedOrganization? Asked = null, IReadOnlyList<string>? Scopes = null, Guid? MachineId = null)
{
    public const string Header = "X-EnvPlatform-Caller";
    public const string ServiceSubject = "service";

    /// <summary>The only service that speaks for others than itself.</summary>
    public const string Gateway = "gateway";

    /// <summary>The subject type of a request without a token, which the gateway forwards to sign-in only.</summary>
    public const string NobodySubject = "nobody";
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);

    /// <summary>The assertion of a service for its own calls.</summary>
    public static Assertion OfService(string service, DateTimeOffset now) =>
        new(Guid.Empty, ServiceSubject, null, service, false, [], null, "", null, null, (now + Lifetime).ToUnixTimeSeconds());

    /// <summary>The gateway's assertion for a request without a token: where it came from.</summary>
    public static Assertion OfNobody(string requestId, string? sourceAddress, string? userAgent, DateTimeOffset now) =>
        new(Guid.Empty, NobodySubject, null, "", false, [], null, requestId, sourceAddress, userAgent, (now + Lifetime)
            .ToUnixTimeSeconds());

    /// <param name="key">Of the calls from this service to the one that is called.</param>
    public string Sign(CallKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var body = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(this, AssertionJson.Default.Assertion));
        var signed = $"{key.Caller}.{body}";
        return $"{signed}.{Base64Url.EncodeToString(key.Mac(signed))}";
    }

    /// <summary>
    /// Null when the form is malformed, the assertion has expired, or the signature is none of a service that may call this one. Services
    /// other than the gateway speak only for themselves.
    /// </summary>
    /// <param name="keys">Of the service that is called.</param>
    public static Assertion? Verify(string text, CallKeys keys, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(keys);
        var (nameEnd, bodyEnd) = (text.IndexOf('.', StringComparison.Ordinal), text.LastIndexOf('.'));
        if (nameEnd == bodyEnd || keys.Incoming(text.AsSpan(0, nameEnd)) is not { } key)
        {
            return null;
        }

        var body = text.AsSpan((nameEnd + 1)..bodyEnd);
        var mac = text.AsSpan(bodyEnd + 1);
        if (!Base64Url.IsValid(mac) || !Base64Url.IsValid(body)
            || !CryptographicOperations.FixedTimeEquals(key.Mac(text.AsSpan(0, bodyEnd)), Base64Url.DecodeFromChars(mac)))
        {
            return null;
        }

        var assertion = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(body), AssertionJson.Default.Assertion);
        if (assertion is null || assertion.ExpiresAt <= now.ToUnixTimeSeconds())
        {
            return null;
        }

        return assertion.SubjectType == ServiceSubject
            ? OfService(key.Caller, now) with { ExpiresAt = assertion.ExpiresAt }
            : key.Caller == Gateway ? assertion : null;
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(Assertion))]
internal sealed partial class AssertionJson : JsonSerializerContext;
