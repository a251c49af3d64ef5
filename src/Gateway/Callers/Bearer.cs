using System.Security.Claims;

using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Gateway.Limits;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Authentication;

namespace EnvPlatform.Gateway.Callers;

/// <summary>The bearer of a token, from Identity; created once and used for every request until Identity is asked again.</summary>
internal sealed class Bearer
{
    private readonly Assertion _assertion;
    private readonly AdmittedNetworks? _networks;

    public Bearer(IntrospectReply reply, RateLimits limits)
    {
        ExpiresAt =
            reply.ExpiresAtUnixSeconds == 0 ? DateTimeOffset.MaxValue : DateTimeOffset.FromUnixTimeSeconds(reply.ExpiresAtUnixSeconds);
        TokenId = new TokenId(Guid.Parse(reply.TokenId));
        _assertion = new Assertion(
            Guid.Parse(reply.SubjectId), reply.SubjectType, reply.Email.Length == 0 ? null : reply.Email, reply.DisplayName, reply.Operator,
            [.. reply.Memberships.Select(Of)],
            TokenId.Value, "", null, null, 0,
            reply.Asked is { } asked
                ? new ServiceDefaults.Callers.AskedOrganization(new OrganizationId(Guid.Parse(asked.OrganizationId)), asked.Slug) : null,
            reply.Scopes is { } scopes ? [.. scopes.Names] : null,
            Guid.TryParse(reply.MachineId, out var machine) ? machine : null);
        _networks = reply.Addresses is { } addresses ? new AdmittedNetworks(addresses.Cidr) : null;
        Requests = limits.OfToken(TokenId);
        Ticket = AuthenticateResult.Success(new AuthenticationTicket(
            new ClaimsPrincipal(
                new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, reply.SubjectId)], BearerAuthentication.SchemeName)),
            BearerAuthentication.SchemeName));
    }

    public TokenId TokenId { get; }

    public DateTimeOffset ExpiresAt { get; }

    /// <summary>How many requests used the token recently.</summary>
    public RateCount Requests { get; }

    public AuthenticateResult Ticket { get; }

    /// <summary>Whether the token is good for a request from there.</summary>
    public bool Admits(RequestOrigin origin) => _networks is null || _networks.Admit(origin.SourceAddress);

    /// <param name="organization">Slug or id.</param>
    public bool IsOf(string organization)
    {
        foreach (var membership in _assertion.Memberships)
        {
            if (membership.Slug == organization || (Guid.TryParse(organization, out var id) && membership.Id.Value == id))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The bearer in the organization that the request is about, as services find it: see <c>RefusedRequests</c>.</summary>
    public Caller CallerOf(RequestOrigin origin, string service)
    {
        var (email, name) = (_assertion.Email, _assertion.DisplayName);
        var organization = _assertion.Memberships.Count > 0 ? _assertion.Memberships[0] : null;
        if (_assertion.Asked is { } asked)
        {
            (email, name, organization) = (null, "", new ServiceDefaults.Callers.Membership(asked.Id, asked.Slug, "", ""));
        }

        return Caller.Of(
            new(_assertion.SubjectId), _assertion.SubjectType, name, origin, service, email, organization: organization);
    }

    /// <summary>The assertion for a request with this token.</summary>
    public Assertion Assert(RequestOrigin origin, DateTimeOffset now) => _assertion with
    {
        RequestId = origin.RequestId,
        SourceAddress = origin.SourceAddress,
        UserAgent = origin.UserAgent,
        ExpiresAt = (now + Assertion.Lifetime).ToUnixTimeSeconds(),
    };

    private static ServiceDefaults.Callers.Membership Of(Contracts.Identity.Membership m) => new(
        new OrganizationId(Guid.Parse(m.OrganizationId)), m.Slug, m.Name, m.Role, m.EnvironmentsEnabled,
        m.EnforcementPausedUntilUnixSeconds == 0 ? null : DateTimeOffset.FromUnixTimeSeconds(m.EnforcementPausedUntilUnixSeconds),
        m.Products.Count == 0 ? null : [.. m.Products], m.AgentFailMode is "open" or "closed" ? m.AgentFailMode : null);
}
