using System.Diagnostics;

using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.ServiceDefaults.Refusals;

/// <summary>
/// Reads from the answer of every endpoint whether it refused its caller, and adds that to the <see cref="RefusalLog"/>. An endpoint has no
/// part in it, so that none can forget it.
/// </summary>
internal static class RefusedRequests
{
    /// <summary>Must come first: the status that it reads is the one that is answered.</summary>
    public static void UseRefusals(this WebApplication app)
    {
        var log = app.Services.GetRequiredService<RefusalLog>();
        var clock = app.Services.GetRequiredService<TimeProvider>();
        app.Use(async (http, next) =>
        {
            await next(http);
            if (http.Response.StatusCode is >= 400 and < 500 && Find(http, clock) is { } refusal)
            {
                log.Add(refusal);
            }
        });
    }

    private static Refusal? Find(HttpContext http, TimeProvider clock)
    {
        // What threw has left its endpoint with the exception.
        var thrown = http.Features.Get<IExceptionHandlerFeature>();
        if (Caller.From(http) is not { SubjectType: not Assertion.ServiceSubject } caller
            || (http.GetEndpoint() ?? thrown?.Endpoint) is not RouteEndpoint endpoint)
        {
            return null;
        }

        var problem = http.Features.Get<AnsweredProblem>();
        var route = thrown?.RouteValues ?? http.GetRouteData().Values;
        if (Kind(http, endpoint, problem, route) is not var (action, reason))
        {
            return null;
        }

        return new(
            InLog(http, endpoint, caller), action,
            endpoint.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName ?? endpoint.RoutePattern.RawText ?? "",
            http.Request.Method, Plain(http.Request.Path.Value)!, http.Response.StatusCode, reason, Plain(problem?.Detail),
            clock.GetUtcNow(), Activity.Current?.Id);
    }

    /// <summary>Fits the database and the log, whatever a request made the text of.</summary>
    private static string? Plain(string? text) =>
        text is null ? null : new([.. text.Take(Refusal.MaxText).Select(character => char.IsControl(character) ? ' ' : character)]);

    private static (string Action, string Reason)? Kind(
        HttpContext http, RouteEndpoint endpoint, AnsweredProblem? problem, RouteValueDictionary route)
    {
        var status = http.Response.StatusCode;
        var code = problem?.Code ?? $"http_{status}";
        if (status == StatusCodes.Status403Forbidden)
        {
            return (Refusal.PermissionDenied, code);
        }

        if (http.Features.Get<RefusedCaller>() is not null)
        {
            return (Refusal.PermissionDenied, "not_a_member");
        }

        if (code == Refusal.QuotaExceeded)
        {
            return (Refusal.QuotaExceeded, code);
        }

        // A file that broke off was not refused; one that is too large breaks off at the gateway, which tells of it.
        if (endpoint.Metadata.GetMetadata<AuditedRefusals>() is { } audited && !http.RequestAborted.IsCancellationRequested
            && audited.Covers(status))
        {
            return (audited.Action, code);
        }

        // Ids are UUIDs and belong to somebody; other names in a path (a CVE, a package) are common knowledge. The operator sees all.
        return status == StatusCodes.Status404NotFound && !IsOfOperator(endpoint)
            && route.Any(value => value.Key != RequestedOrganization.RouteValue && Guid.TryParse(value.Value as string, out _))
                ? (Refusal.PermissionDenied, "not_found") : null;
    }

    /// <summary>The caller in the organization whose log has the event: the one that the request is about.</summary>
    private static Caller InLog(HttpContext http, RouteEndpoint endpoint, Caller caller)
    {
        if (RequestedOrganization.NameIn(http) is null)
        {
            return IsOfOperator(endpoint) ? caller with { Organization = null } : caller;
        }

        if (caller.Organization is not null)
        {
            return caller;
        }

        // One that does not exist has no log: then it is the platform's.
        return http.Features.Get<AskedOrganization>() is { } asked
            ? caller with { Organization = new(asked.Id, asked.Slug, "", ""), Email = null, DisplayName = "", TokenId = null }
            : caller;
    }

    private static bool IsOfOperator(RouteEndpoint endpoint) =>
        endpoint.Metadata.OfType<IAuthorizeData>().Any(data => data.Policy == Access.Operator);
}

/// <summary>Set when the policy of the endpoint refused the caller.</summary>
internal sealed record RefusedCaller;

/// <summary>The problem that a request was answered with.</summary>
internal sealed record AnsweredProblem(string? Code, string? Detail);
