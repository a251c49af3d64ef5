using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace EnvPlatform.Agent.Client;

/// <summary>How a call is made.</summary>
/// <param name="Retry">Whether 429 and 503 are waited for and tried again.</param>
/// <param name="Timeout">For the whole call; null for none, where a body of any size is sent.</param>
internal sealed record CallOptions(bool Retry, TimeSpan? Timeout)
{
    public static readonly CallOptions Usual = new(Retry: true, Timeout: TimeSpan.FromSeconds(100));
    public static readonly CallOptions Upload = new(Retry: true, Timeout: null);
}

/// <summary>An answer of success.</summary>
/// <param name="Body">As the platform sent it.</param>
/// <param name="Date">The platform's clock, to the second.</param>
internal sealed record PlatformAnswer(HttpStatusCode Status, byte[] Body, DateTimeOffset? Date)
{
    /// <exception cref="UnreachableException">The body is not what the API promises.</exception>
    public T As<T>(JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(Body, type) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new UnreachableException("The answer does not look like one of the platform: check the address ('envplatform status').");
        }
    }
}

/// <summary>Talks to the public HTTP API: bearer token, short connect timeout, proxies by environment, retries, problem details.</summary>
internal sealed class PlatformClient : IDisposable
{
    private const int Attempts = 5;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;

    public PlatformClient(Uri url, string? token, TimeProvider clock, TimeSpan? connectTimeout = null)
    {
        _clock = clock;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = connectTimeout ?? TimeSpan.FromSeconds(5),
            // A redirected POST would become a GET, and the token must not follow to another host.
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.GZip | DecompressionMethods.Brotli,
        })
        {
            BaseAddress = url,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("envplatform", Surroundings.Version));
        _http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (token is not null)
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public void Dispose() => _http.Dispose();

    public Task<PlatformAnswer> GetAsync(string path, CallOptions options, CancellationToken ct) =>
        SendAsync(() => new HttpRequestMessage(HttpMethod.Get, Relative(path)), options, ct);

    /// <summary>Sends a body; the same <c>Idempotency-Key</c> goes with every attempt, so that a retried write has one effect.</summary>
    /// <param name="content">Makes the body anew for each attempt; null for none.</param>
    public Task<PlatformAnswer> WriteAsync(HttpMethod method, string path, Func<HttpContent>? content, CallOptions options, CancellationToken ct)
    {
        var key = Guid.CreateVersion7(_clock.GetUtcNow()).ToString();
        return SendAsync(
            () =>
            {
                var request = new HttpRequestMessage(method, Relative(path)) { Content = content?.Invoke() };
                request.Headers.Add("Idempotency-Key", key);
                return request;
            },
            options, ct);
    }

    /// <exception cref="RefusedException">The platform answered with an error.</exception>
    /// <exception cref="UnreachableException">There was no answer in time.</exception>
    private async Task<PlatformAnswer> SendAsync(Func<HttpRequestMessage> create, CallOptions options, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(options.Timeout ?? Timeout.InfiniteTimeSpan, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                using var request = create();
                using var response = await _http.SendAsync(request, either.Token);
                if (response.IsSuccessStatusCode)
                    return new PlatformAnswer(response.StatusCode, await response.Content.ReadAsByteArrayAsync(either.Token), response.Headers.Date);
                if (!options.Retry || attempt == Attempts || WaitBeforeNext(response, attempt) is not { } wait)
                    throw await ErrorOfAsync(response, either.Token);
                await Task.Delay(wait, _clock, either.Token);
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new UnreachableException($"{_http.BaseAddress} did not answer within {(options.Timeout ?? default).TotalMilliseconds:0} ms.");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new UnreachableException($"{_http.BaseAddress} cannot be reached: no connection in time. Check the address and the network.");
        }
        catch (HttpRequestException failure)
        {
            throw new UnreachableException($"{_http.BaseAddress} cannot be reached: {Reason(failure)}. Check the address and the network.");
        }
    }

    private TimeSpan? WaitBeforeNext(HttpResponseMessage response, int attempt)
    {
        if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable))
            return null;
        var asked = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - _clock.GetUtcNow(),
            _ => TimeSpan.FromMilliseconds(250 << attempt),
        };
        return asked > LongestWait ? null : asked < TimeSpan.Zero ? TimeSpan.Zero : asked;
    }

    private static async Task<AgentException> ErrorOfAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if ((int)response.StatusCode is >= 300 and < 400)
            return new UnreachableException($"The address leads elsewhere, to {response.Headers.Location}: sign in with that address.");

        Problem? problem = null;
        if (response.Content.Headers.ContentType?.MediaType is "application/problem+json" or "application/json")
        {
            try
            {
                problem = JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(ct), AgentJson.Default.Problem);
            }
            catch (JsonException)
            {
                // The status alone has to do.
            }
        }

        return RefusedException.Of(response.StatusCode, problem);
    }

    private static string Reason(HttpRequestException failure) => failure.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError => "its name is not known",
        HttpRequestError.ConnectionError => "the connection was refused or failed",
        HttpRequestError.SecureConnectionError => "the secure connection failed (is its certificate trusted here?)",
        HttpRequestError.ResponseEnded => "the connection broke",
        _ => (failure.InnerException ?? failure).Message.TrimEnd('.'),
    };

    private static Uri Relative(string path) => new(path, UriKind.Relative);
}
