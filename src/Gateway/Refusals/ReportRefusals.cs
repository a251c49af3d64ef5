using EnvPlatform.Contracts.Identity;
using EnvPlatform.ServiceDefaults.Background;
using EnvPlatform.ServiceDefaults.Refusals;

using Grpc.Core;

namespace EnvPlatform.Gateway.Refusals;

/// <summary>
/// Hands what this gateway refused over to Identity, which writes it to the audit log. While Identity is away the reports wait, bounded as
/// the <see cref="RefusalLog"/> is; what a gateway had not handed over when it was killed is lost.
/// </summary>
internal sealed partial class ReportRefusals(
    RefusalLog refusals, Contracts.Identity.Refusals.RefusalsClient identity, TimeProvider clock, ILogger<ReportRefusals> log)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await ReportAsync(cancellationToken);
        }
        catch (RpcException exception)
        {
            LogLost(exception.Status.Detail);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new RepeatedWork(nameof(ReportRefusals), clock, log).RunAsync(
            async ct =>
            {
                await ReportAsync(ct);
                return Interval;
            }, stoppingToken);

    private async Task ReportAsync(CancellationToken ct)
    {
        var taken = refusals.Take();
        if (taken.Count == 0)
        {
            return;
        }

        try
        {
            var report = new RefusalReport();
            report.Refused.AddRange(taken.Select(Write));
            await identity.ReportAsync(report, deadline: (clock.GetUtcNow() + Timeout).UtcDateTime, cancellationToken: ct);
        }
        catch
        {
            refusals.Return(taken);
            throw;
        }
    }

    private static RefusedRequests Write(RefusalCount counted)
    {
        var (caller, last) = (counted.Last.Caller, counted.Last);
        return new()
        {
            Action = last.Action,
            Operation = last.Operation,
            Method = last.Method,
            Path = last.Path,
            Status = last.Status,
            Reason = last.Reason,
            Detail = last.Detail ?? "",
            SubjectId = caller.SubjectId.ToString(),
            SubjectType = caller.SubjectType,
            Email = caller.Email ?? "",
            DisplayName = caller.DisplayName,
            Organization = caller.Organization is { } organization
                ? new() { OrganizationId = organization.Id.ToString(), Slug = organization.Slug } : null,
            RequestId = caller.RequestId,
            SourceAddress = caller.SourceAddress ?? "",
            UserAgent = caller.UserAgent ?? "",
            TraceParent = last.TraceParent ?? "",
            Count = counted.Count,
            FirstAtUnixMilliseconds = counted.First.At.ToUnixTimeMilliseconds(),
            LastAtUnixMilliseconds = last.At.ToUnixTimeMilliseconds(),
        };
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The last refusals are not in the audit log: {Reason}")]
    private partial void LogLost(string reason);
}
