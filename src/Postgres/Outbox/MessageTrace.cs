using System.Diagnostics;

using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Postgres.Outbox;

/// <summary>The trace that a message belongs to (W3C trace context).</summary>
internal readonly record struct MessageTrace(string Id, string? Parent, string? State)
{
    public static MessageTrace Of(Activity activity) => new(activity.TraceId.ToHexString(), activity.Id, activity.TraceStateString);

    /// <summary>Null when the text is no <c>traceparent</c>.</summary>
    public static MessageTrace? Of(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, out var context) ? new(context.TraceId.ToHexString(), traceParent, null) : null;

    /// <summary>
    /// Begins a trace for work that none belongs to: what no request and no message brought about. It is not made the current one, so that
    /// it does not outlive the transaction in its caller.
    /// </summary>
    public static Activity Begin()
    {
        var before = Activity.Current;
        var activity = Telemetry.StartWork("transaction");
        Activity.Current = before;
        return activity;
    }
}
