using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Refusals;

using Grpc.Core;

namespace EnvPlatform.Identity.Refusals;

/// <summary>Takes what gateways refused into the audit log, as if refused here. A report that is sent again is counted again.</summary>
internal sealed class RefusalsGrpc(RefusalLog log) : Contracts.Identity.Refusals.RefusalsBase
{
    private static readonly RefusalReportReply Done = new();

    public override Task<RefusalReportReply> Report(RefusalReport request, ServerCallContext context)
    {
        foreach (var refused in request.Refused)
        {
            var last = Read(refused);
            log.Add(new RefusalCount(
                last with { At = DateTimeOffset.FromUnixTimeMilliseconds(refused.FirstAtUnixMilliseconds) }, last, refused.Count));
        }

        return Task.FromResult(Done);
    }

    private static Refusal Read(RefusedRequests refused) => new(
        Caller.Of(
            new(Guid.Parse(refused.SubjectId)), refused.SubjectType, refused.DisplayName,
            new RequestOrigin(refused.RequestId, NullIfEmpty(refused.SourceAddress), NullIfEmpty(refused.UserAgent)),
            AuthenticationFailures.Service, NullIfEmpty(refused.Email),
            organization: refused.Organization is { } organization
                ? new(new OrganizationId(Guid.Parse(organization.OrganizationId)), organization.Slug, "", "") : null),
        refused.Action, refused.Operation, refused.Method, refused.Path, refused.Status, refused.Reason, NullIfEmpty(refused.Detail),
        DateTimeOffset.FromUnixTimeMilliseconds(refused.LastAtUnixMilliseconds), NullIfEmpty(refused.TraceParent));

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
