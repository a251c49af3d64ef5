using EnvPlatform.Audit.Formats;

namespace EnvPlatform.Audit.Sinks;

/// <summary>Events that are sent together, in the order of their numbers.</summary>
/// <param name="Id">The same whenever the same events are sent again.</param>
/// <param name="Events">At least one.</param>
/// <param name="Checkpoint">The latest one of the log: whoever receives it can tell later whether the log was rewritten.</param>
internal sealed record SinkBatch(string Id, string Organization, IReadOnlyList<SinkEvent> Events, string? Checkpoint);

/// <param name="Entry">The bytes of which the tree has the hash.</param>
internal sealed record SinkEvent(long Seq, string ActionKey, DateTimeOffset OccurredAt, byte[] Entry)
{
    /// <summary>Without the end of the line.</summary>
    public ReadOnlyMemory<byte> In(string format) => AuditFormats.Line(format, Entry).AsMemory()[..^1];
}

/// <summary>What became of a batch.</summary>
internal abstract record Outcome
{
    public static Outcome Delivered { get; } = new Received();

    public sealed record Received : Outcome;

    /// <summary>The receiver does not want what is in it; the same again is of no use, something else may be.</summary>
    public sealed record Refused(string Error) : Outcome;

    /// <summary>It may work later.</summary>
    /// <param name="RetryAfter">How long the receiver asks to wait; null where it does not say.</param>
    /// <param name="IsFinal">The receiver says that it will never take anything again.</param>
    public sealed record Failed(string Error, TimeSpan? RetryAfter = null, bool IsFinal = false) : Outcome;
}

/// <summary>A way to send to one receiver.</summary>
internal interface IDelivery : IDisposable
{
    /// <summary>Never throws for what the receiver does.</summary>
    Task<Outcome> SendAsync(SinkBatch batch, CancellationToken ct);
}
