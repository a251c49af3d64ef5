using System.Security.Claims;
using System.Text.Encodings.Web;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// Turns the gateway's signed assertion into the caller and the claims that the policies of <see cref="Access"/> and
/// <see cref="Permission"/> require.
/// </summary>
internal static class CallerAuthentication
{
    public const string SchemeName = "assertion";

    /// <summary>The claim of everyone with a valid token, whatever the roles.</summary>
    private const string Subject = "anyone";

    /// <summary>The subject type of a person.</summary>
    private const string PersonSubject = "user";

    /// <summary>The claim of every request that comes from the gateway, with a token or without one.</summary>
    private const string Forwarded = "forwarded";

    public static void AddCallers(this IServiceCollection services, string service)
    {
        services.AddAuthentication(SchemeName)
            .AddScheme<AssertionOptions, AssertionHandler>(SchemeName, options => options.Service = service);
        var policies = services.AddAuthorizationBuilder()
            .AddPolicy(Access.Forwarded, policy => policy.RequireRole(Forwarded))
            .AddPolicy(Access.Anyone, policy => policy.RequireRole(Subject))
            .AddPolicy(Access.Account, policy => policy.RequireRole(Subject).AddRequirements(new AccountRequirement()))
            .AddPolicy(Access.Person, policy => policy.RequireRole(Access.Person))
            .AddPolicy(Access.Operator, policy => policy.RequireRole(Roles.Operator))
            .AddPolicy(Access.GatewayOnly, policy => policy.RequireRole(Roles.OfService(Assertion.Gateway)))
            .AddPolicy(Access.Service, policy => policy.RequireRole(Roles.Service))
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAssertion(_ => false).Build());
        foreach (var (permission, _) in Permission.All)
        {
            policies.AddPolicy(permission, policy => policy.AddRequirements(new PermissionRequirement(permission)));
        }

        services.AddSingleton<IAuthorizationMiddlewareResultHandler, RefusalAnswer>();
    }

    internal sealed class AssertionOptions : AuthenticationSchemeOptions
    {
        public string Service { get; set; } = "";
    }

    private sealed class AssertionHandler(
        IOptionsMonitor<AssertionOptions> options, ILoggerFactory logger, UrlEncoder encoder, CallKeys keys)
        : AuthenticationHandler<AssertionOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            if (!Request.Headers.TryGetValue(Assertion.Header, out var header))
            {
                return Task.FromResult(AuthenticateResult.NoResult());
            }

            if (Assertion.Verify(header.ToString(), keys, TimeProvider.GetUtcNow()) is not { } assertion)
            {
                return Task.FromResult(AuthenticateResult.Fail("The assertion is not good."));
            }

            var origin = new RequestOrigin(assertion.RequestId, assertion.SourceAddress, assertion.UserAgent);
            Context.Features.Set(origin);
            if (assertion.SubjectType == Assertion.NobodySubject)
            {
                return Task.FromResult(Success([Forwarded]));
            }

            var organization = OrganizationOf(Context, assertion);
            if (assertion.Asked is { } asked)
            {
                Context.Features.Set(asked);
            }

            Context.Features.Set(Caller.Of(
                new(assertion.SubjectId), assertion.SubjectType, assertion.DisplayName, origin, Options.Service, assertion.Email,
                assertion.Operator, organization, assertion.TokenId is { } token ? new TokenId(token) : null, assertion.Scopes,
                assertion.MachineId is { } machine ? new MachineId(machine) : null));
            return Task.FromResult(Success(RolesOf(assertion, organization)));
        }

        private static AuthenticateResult Success(IEnumerable<string> roles) =>
            AuthenticateResult.Success(new AuthenticationTicket(
                new ClaimsPrincipal(new ClaimsIdentity(roles.Select(role => new Claim(ClaimTypes.Role, role)), SchemeName)), SchemeName));

        private static IEnumerable<string> RolesOf(Assertion assertion, Membership? organization)
        {
            if (assertion.SubjectType == Assertion.ServiceSubject)
            {
                return [Roles.Service, Roles.OfService(assertion.DisplayName)];
            }

            IEnumerable<string> roles = [Subject, Forwarded];
            roles = assertion.Operator ? roles.Append(Roles.Operator) : roles;
            roles = assertion.SubjectType == PersonSubject ? roles.Append(Access.Person) : roles;
            return organization is null ? roles : roles.Append(organization.Role);
        }

        private static Membership? OrganizationOf(HttpContext http, Assertion assertion) =>
            RequestedOrganization.NameIn(http) is not { } asked
                ? (assertion.Memberships.Count == 1 ? assertion.Memberships[0] : null)
                : assertion.Memberships.FirstOrDefault(m => m.Slug == asked || (OrganizationId.TryParse(asked, out var id) && m.Id == id));
    }

    /// <summary>The caller's role in the organization has a permission, and its token is good for it.</summary>
    private sealed class PermissionRequirement(string permission)
        : AuthorizationHandler<PermissionRequirement>, IAuthorizationRequirement
    {
        public string Permission { get; } = permission;

        protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, PermissionRequirement requirement)
        {
            if (context.Resource is HttpContext http && Caller.From(http)?.Can(requirement.Permission) == true)
            {
                context.Succeed(requirement);
            }

            return Task.CompletedTask;
        }
    }

    /// <summary>The caller's token is good for everything that the caller may do.</summary>
    private sealed class AccountRequirement : AuthorizationHandler<AccountRequirement>, IAuthorizationRequirement
    {
        protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, AccountRequirement requirement)
        {
            if (context.Resource is HttpContext http && Caller.From(http) is { } caller && caller.IsGoodFor(Access.Account))
            {
                context.Succeed(requirement);
            }

            return Task.CompletedTask;
        }
    }

    /// <summary>
    /// 401 without a valid assertion; 404 for an organization that is not the caller's, as for one that does not exist; 403 for what the
    /// role lacks, or the token (RFC 6750 section 3.1).
    /// </summary>
    private sealed class RefusalAnswer : IAuthorizationMiddlewareResultHandler
    {
        public Task HandleAsync(
            RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
        {
            // What is not a RouteEndpoint is the router's own 404, 405 or 415, which callers should see.
            if (authorizeResult.Succeeded || (authorizeResult.Forbidden && context.GetEndpoint() is not RouteEndpoint))
            {
                return next(context);
            }

            if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
            {
                context.Response.StatusCode =
                    authorizeResult.Challenged ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden;
                return Task.CompletedTask;
            }

            context.Features.Set(new RefusedCaller());
            return Answer(context, policy, authorizeResult).ExecuteAsync(context);
        }

        private static bool IsForPersons(HttpContext context) =>
            context.GetEndpoint()?.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(data => data.Policy == Access.Person) == true;

        private static ProblemHttpResult Answer(HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult result)
        {
            if (Caller.From(context) is not { } caller || result.Challenged)
            {
                context.Response.Headers.WWWAuthenticate = "Bearer";
                return Problems.Of(
                    StatusCodes.Status401Unauthorized, "unauthorized", "Sign in first.", "The request carries no good token.");
            }

            if (RequestedOrganization.NameIn(context) is not null && caller.Organization is null)
            {
                return Problems.NotFound();
            }

            if (caller.SubjectType != PersonSubject && IsForPersons(context))
            {
                return Problems.Of(
                    StatusCodes.Status403Forbidden, "person_required", "Not allowed.",
                    "A service account makes no credentials and invites nobody, whatever its role: sign in as a person.");
            }

            if (MissingScope(caller, policy) is not { } scope)
            {
                return Problems.Of(StatusCodes.Status403Forbidden, "forbidden", "Not allowed.", "The caller's role does not allow this.");
            }

            context.Response.Headers.WWWAuthenticate = $"Bearer error=\"insufficient_scope\", scope=\"{scope}\"";
            return Problems.Of(
                StatusCodes.Status403Forbidden, "insufficient_scope", "Not allowed.",
                $"The token is not good for {scope}, which the caller's role would allow.");
        }

        /// <summary>What the caller's role allows and its token does not; null when the role is what lacks something.</summary>
        private static string? MissingScope(Caller caller, AuthorizationPolicy policy) =>
            policy.Requirements.OfType<AccountRequirement>().Any() && !caller.IsGoodFor(Access.Account) ? Access.Account
            : policy.Requirements.OfType<PermissionRequirement>().Select(required => required.Permission)
                .FirstOrDefault(name => Roles.Allow(caller.Organization?.Role, name) && !caller.IsGoodFor(name));
    }
}
