using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;

using EnvPlatform.Audit.Formats;

namespace EnvPlatform.Audit.Sinks;

/// <summary>
/// Syslog (RFC 5424) over TLS (RFC 5425). The protocol has no answer that says what was received: a connection is for one batch, and the
/// batch is received when the receiver, having read to the end, closes it.
/// </summary>
internal sealed class SyslogDelivery(
    ReceiverNetwork network, Uri address, string format, string? authorities, string host, TimeSpan timeout) : IDelivery
{
    /// <summary>Log audit (RFC 5424 section 6.2.1).</summary>
    private const int Facility = 13;

    private const int LongestMessageId = 32;
    private const int LongestHost = 255;
    private readonly byte[] _discarded = new byte[1_024];

    public async Task<Outcome> SendAsync(SinkBatch batch, CancellationToken ct)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(ct);
        time.CancelAfter(timeout);
        try
        {
            var isTls = address.Scheme == "tls";
            await using var plain = await network.ConnectAsync(address.Host, address.Port, isTls, time.Token);
            if (!isTls)
            {
                await WriteAsync(plain, batch, time.Token);
                plain.Socket.Shutdown(SocketShutdown.Send);
                await UntilClosedAsync(plain, time.Token);
                return Outcome.Delivered;
            }

            await using var tls = new SslStream(plain, leaveInnerStreamOpen: true);
            var options = ReceiverNetwork.Tls(authorities);
            options.TargetHost = address.Host;
            await tls.AuthenticateAsClientAsync(options, time.Token);
            await WriteAsync(tls, batch, time.Token);
            await tls.ShutdownAsync();
            plain.Socket.Shutdown(SocketShutdown.Send);
            await UntilClosedAsync(tls, time.Token);
            return Outcome.Delivered;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new Outcome.Failed($"The receiver did not read to the end within {timeout.TotalSeconds:0} seconds.");
        }
        catch (Exception exception) when (
            exception is IOException or SocketException or AuthenticationException or HttpRequestException)
        {
            return new Outcome.Failed(HttpDelivery.Reason(exception));
        }
    }

    public void Dispose()
    {
        // Each batch has a connection of its own.
    }

    private async Task WriteAsync(Stream stream, SinkBatch batch, CancellationToken ct)
    {
        using var frames = new MemoryStream();
        foreach (var item in batch.Events)
        {
            Frame(frames, Severity(item.ActionKey), item.OccurredAt, item.ActionKey, item.Seq, item.In(format).Span);
        }

        if (batch.Checkpoint is { } checkpoint)
        {
            var message = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["checkpoint"] = checkpoint });
            Frame(frames, 6, batch.Events[^1].OccurredAt, "checkpoint", batch.Events[^1].Seq, message);
        }

        await stream.WriteAsync(frames.GetBuffer().AsMemory(0, (int)frames.Length), ct);
        await stream.FlushAsync(ct);
    }

    /// <summary>The length, a space, the message (RFC 5425 section 4.3.1).</summary>
    private void Frame(MemoryStream frames, int severity, DateTimeOffset time, string id, long seq, ReadOnlySpan<byte> message)
    {
        var number = seq <= int.MaxValue ? $"[meta sequenceId=\"{seq.ToString(CultureInfo.InvariantCulture)}\"]" : "-";
        var origin = $"{Printable(host, LongestHost)} envplatform - {Printable(id, LongestMessageId)}";
        var header = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"<{Facility * 8 + severity}>1 {Times.Text(time)} {origin} {number} "));
        frames.Write(Encoding.ASCII.GetBytes((header.Length + message.Length).ToString(CultureInfo.InvariantCulture)));
        frames.WriteByte((byte)' ');
        frames.Write(header);
        frames.Write(message);
    }

    private async Task UntilClosedAsync(Stream stream, CancellationToken ct)
    {
        while (await stream.ReadAsync(_discarded, ct) > 0)
        {
            // A receiver has nothing to say.
        }
    }

    /// <summary>Warning, notice, informational.</summary>
    private static int Severity(string actionKey) => CefFormat.Severity(actionKey) switch { >= 7 => 4, >= 5 => 5, _ => 6 };

    private static string Printable(string text, int longest) =>
        new([.. text.Where(c => c is > ' ' and <= '~').Take(longest).DefaultIfEmpty('-')]);
}
