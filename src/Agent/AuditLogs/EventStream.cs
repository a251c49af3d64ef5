using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>
/// Follows the audit log by its server-sent events (HTML Living Standard, section 9.2). Where a connection ends or breaks, it connects
/// again with the number of the last event that it has, so that none is skipped and none comes twice.
/// </summary>
/// <param name="lost">Told once for each loss, and with null when the log is followed again.</param>
internal sealed class EventStream(AuditLogClient client, TimeProvider clock, Action<string?> lost)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>More than the platform lets pass without a word.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(90);

    private long _last;
    private bool _isLost;

    /// <param name="after">The number of the event after which it begins.</param>
    /// <param name="query">The filters, as the query of an address that begins with <c>?</c>.</param>
    /// <exception cref="AgentException">The platform refuses it, or cannot be reached to begin with.</exception>
    public async IAsyncEnumerable<(long Seq, string Event)> FollowAsync(
        long after, string query, [EnumeratorCancellation] CancellationToken ct)
    {
        _last = after;
        var (pause, began) = (FirstPause, false);
        while (true)
        {
            string? failure = null;
            HttpResponseMessage? response = null;
            try
            {
                response = await client.OpenAsync("stream" + query, request =>
                {
                    request.Headers.Accept.Clear();
                    request.Headers.Accept.ParseAdd("text/event-stream");
                    request.Headers.Add("Last-Event-ID", $"{_last}");
                }, ct);
                began = true;
            }
            catch (UnreachableException unreachable) when (began)
            {
                failure = unreachable.Message;
            }
            catch (RefusedException refused) when (began && IsPassing(refused.Status))
            {
                failure = refused.Message;
            }

            if (response is not null)
            {
                using (response)
                {
                    await using var body = await response.Content.ReadAsStreamAsync(ct);
                    using var reader = new StreamReader(body, Encoding.UTF8);
                    var (position, data) = ((string?)null, (string?)null);
                    while (true)
                    {
                        string? line = null;
                        using (var silent = new CancellationTokenSource(Silence, clock))
                        using (var either = CancellationTokenSource.CreateLinkedTokenSource(ct, silent.Token))
                        {
                            try
                            {
                                line = await reader.ReadLineAsync(either.Token);
                            }
                            catch (Exception broken) when (broken is IOException or HttpRequestException)
                            {
                                failure = "the connection broke";
                            }
                            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
                            {
                                failure = "nothing came for long";
                            }
                        }

                        if (line is null)
                        {
                            break;
                        }

                        pause = FirstPause;
                        Found();
                        if (line.StartsWith("id: ", StringComparison.Ordinal))
                        {
                            position = line["id: ".Length..];
                        }
                        else if (line.StartsWith("data: ", StringComparison.Ordinal))
                        {
                            data = line["data: ".Length..];
                        }
                        else if (line.Length == 0)
                        {
                            // A position without an event is past what the filters leave out.
                            if (long.TryParse(position, NumberStyles.None, CultureInfo.InvariantCulture, out var seq) && seq > _last)
                            {
                                _last = seq;
                                if (data is not null)
                                {
                                    yield return (seq, data);
                                }
                            }

                            (position, data) = (null, null);
                        }
                    }
                }
            }

            if (failure is not null)
            {
                Lose(failure);
            }

            await Task.Delay(failure is null ? FirstPause : pause, clock, ct);
            pause = failure is null ? FirstPause : pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>The platform is busy or restarts; it refuses nobody.</summary>
    private static bool IsPassing(HttpStatusCode status) =>
        status == HttpStatusCode.TooManyRequests || status >= HttpStatusCode.InternalServerError;

    private void Lose(string why)
    {
        if (!_isLost)
        {
            _isLost = true;
            lost(why);
        }
    }

    private void Found()
    {
        if (_isLost)
        {
            _isLost = false;
            lost(null);
        }
    }
}
