using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

using EnvPlatform.Audit.Formats;

namespace EnvPlatform.Audit.Sinks;

/// <summary>Sends batches by HTTP.</summary>
internal abstract class HttpDelivery(HttpClient http, Uri address, TimeProvider clock) : IDelivery
{
    private const int LongestError = 300;

    protected Uri Address => address;

    protected TimeProvider Clock => clock;

    public async Task<Outcome> SendAsync(SinkBatch batch, CancellationToken ct)
    {
        try
        {
            using var request = Request(batch);
            using var response = await http.SendAsync(request, ct);
            return await ReadAsync(response, ct);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new Outcome.Failed($"The receiver did not answer within {http.Timeout.TotalSeconds:0} seconds.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or System.Net.Sockets.SocketException)
        {
            return new Outcome.Failed(Reason(exception));
        }
    }

    public void Dispose() => http.Dispose();

    protected abstract HttpRequestMessage Request(SinkBatch batch);

    /// <summary>In words: the innermost message says what was wrong with a certificate or a connection.</summary>
    internal static string Reason(Exception exception)
    {
        var innermost = exception;
        while (innermost.InnerException is { } inner)
        {
            innermost = inner;
        }

        return Shortened(innermost.Message);
    }

    private async Task<Outcome> ReadAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if (response.IsSuccessStatusCode)
        {
            return Outcome.Delivered;
        }

        var body = Shortened(await response.Content.ReadAsStringAsync(ct));
        var error = $"The receiver answered {(int)response.StatusCode}{(body.Length == 0 ? "." : $": {body}")}";
        return response.StatusCode switch
        {
            HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnprocessableEntity =>
                new Outcome.Refused(error),
            HttpStatusCode.Gone => new Outcome.Failed(error, IsFinal: true),
            _ => new Outcome.Failed(error, response.Headers.RetryAfter switch
            {
                { Delta: { } delta } => delta,
                { Date: { } date } => date - Clock.GetUtcNow(),
                _ => null,
            }),
        };
    }

    private static string Shortened(string text)
    {
        var line = new string([.. text.Trim().Select(c => char.IsControl(c) ? ' ' : c).Take(LongestError)]);
        return line.TrimEnd();
    }
}

/// <summary>
/// Standard Webhooks: <c>{"type", "timestamp", "data"}</c>, signed with HMAC-SHA256 over id, time and body. The data has the events, the
/// organization, and the latest checkpoint.
/// </summary>
internal sealed class WebhookDelivery(HttpClient http, Uri address, string format, IReadOnlyList<byte[]> secrets, TimeProvider clock)
    : HttpDelivery(http, address, clock)
{
    public const string Type = "audit_log.events";

    protected override HttpRequestMessage Request(SinkBatch batch)
    {
        var now = Clock.GetUtcNow();
        var body = Body(batch, now);
        var time = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{batch.Id}.{time}."), .. body];
        var request = new HttpRequestMessage(HttpMethod.Post, Address) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("webhook-id", batch.Id);
        request.Headers.Add("webhook-timestamp", time);
        request.Headers.Add(
            "webhook-signature", string.Join(' ', secrets.Select(key => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))}")));
        request.Headers.UserAgent.ParseAdd("EnvPlatform");
        return request;
    }

    private byte[] Body(SinkBatch batch, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", Type);
            json.WriteString("timestamp", Times.Text(now));
            json.WriteStartObject("data");
            json.WriteString("organization", batch.Organization);
            json.WriteNumber("first_seq", batch.Events[0].Seq);
            json.WriteNumber("last_seq", batch.Events[^1].Seq);
            json.WriteString("format", format);
            json.WriteStartArray("events");
            foreach (var item in batch.Events)
            {
                if (format == "cef")
                {
                    json.WriteStringValue(item.In(format).Span);
                }
                else
                {
                    // As it was hashed, byte for byte.
                    json.WriteRawValue(item.In(format).Span, skipInputValidation: true);
                }
            }

            json.WriteEndArray();
            json.WriteString("checkpoint", batch.Checkpoint);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>
/// Splunk's HTTP Event Collector: events one after the other, and the checkpoint as an event of its own source type. 200 means that they
/// were received, not that they were indexed.
/// </summary>
internal sealed class SplunkDelivery(HttpClient http, Uri address, string format, string token, TimeProvider clock)
    : HttpDelivery(http, address, clock)
{
    private const string Collector = "/services/collector/event";

    protected override HttpRequestMessage Request(SinkBatch batch)
    {
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var item in batch.Events)
        {
            Write(buffer, batch, item.OccurredAt, "envplatform:audit", json =>
            {
                json.WritePropertyName("event");
                if (format == "cef")
                {
                    json.WriteStringValue(item.In(format).Span);
                }
                else
                {
                    json.WriteRawValue(item.In(format).Span, skipInputValidation: true);
                }

                json.WriteStartObject("fields");
                json.WriteString("seq", item.Seq.ToString(CultureInfo.InvariantCulture));
                json.WriteEndObject();
            });
        }

        if (batch.Checkpoint is { } checkpoint)
        {
            Write(
                buffer, batch, batch.Events[^1].OccurredAt, "envplatform:checkpoint", json => json.WriteString("event", checkpoint));
        }

        var content = new ByteArrayContent(buffer.WrittenSpan.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var url = Address.AbsolutePath is "/" ? new Uri(Address, Collector) : Address;
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Splunk", token);
        request.Headers.UserAgent.ParseAdd("EnvPlatform");
        return request;
    }

    private static void Write(
        ArrayBufferWriter<byte> buffer, SinkBatch batch, DateTimeOffset time, string sourceType, Action<Utf8JsonWriter> write)
    {
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteNumber("time", time.ToUnixTimeMilliseconds() / 1_000m);
        json.WriteString("source", $"envplatform/{batch.Organization}");
        json.WriteString("sourcetype", sourceType);
        write(json);
        json.WriteEndObject();
    }
}
