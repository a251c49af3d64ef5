using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>HTTP requests to publishers. A download has no time limit, only a limit for the time without data.</summary>
internal sealed class FeedClient(IOptions<FeedOptions> options) : IDisposable
{
    private readonly HttpClient _http =
        new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30), PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestHeaders = { { "User-Agent", "EnvPlatform" } },
        };

    private TimeSpan Idle => TimeSpan.FromSeconds(options.Value.IdleSeconds);

    /// <exception cref="OperationCanceledException">Also when the server is silent.</exception>
    public async Task<HttpResponseMessage> GetAsync(Uri url, Action<HttpRequestHeaders>? prepare, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        prepare?.Invoke(request.Headers);
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(ct);
        idle.CancelAfter(Idle);
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, idle.Token);
    }

    /// <summary>The body as it arrives, in a buffer that is reused for each piece.</summary>
    /// <exception cref="OperationCanceledException">Also when the server is silent.</exception>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        HttpResponseMessage response, [EnumeratorCancellation] CancellationToken ct)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(ct);
        idle.CancelAfter(Idle);
        await using var body = await response.Content.ReadAsStreamAsync(idle.Token);
        var buffer = new byte[64 << 10];
        int read;
        while ((read = await body.ReadAsync(buffer, idle.Token)) > 0)
        {
            yield return buffer.AsMemory(0, read);
            idle.CancelAfter(Idle);
        }
    }

    public void Dispose() => _http.Dispose();
}
