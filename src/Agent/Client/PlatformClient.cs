using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Client;

/// <summary>Talks to the public HTTP API: bearer token, short connect timeout, proxies by environment, retries, problem details.</summary>
internal sealed class PlatformClient : IDisposable
{
    /// <summary>The code of the 409 which says that a write took effect, but that its answer is lost.</summary>
    private const string AnswerLost = "idempotent_answer_lost";
    private const string FailModeHeader = "EnvPlatform-Fail-Mode";

    private const string OrganizationHeader = "X-Org-Name";

    private readonly HttpClient _http;
    private readonly TimeProvider _clock;
    private readonly TokenSource? _tokens;

    /// <param name="tokens">Null for calls without a sign-in.</param>
    public PlatformClient(Uri url, TokenSource? tokens, TimeProvider clock, bool compressed = true)
    {
        _clock = clock;
        _tokens = tokens;
        _http = CreateHttp(url, compressed);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The way of this program to speak HTTP: no redirects, no time limit of its own, its name and version.</summary>
    public static HttpClient CreateHttp(Uri url, bool compressed = true)
    {
        var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            // A redirected POST would become a GET, and the token must not follow to another host.
            AllowAutoRedirect = false,
            AutomaticDecompression = compressed ? DecompressionMethods.GZip | DecompressionMethods.Brotli : DecompressionMethods.None,
        })
        {
            BaseAddress = url,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("envplatform", Surroundings.Version));
        http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return http;
    }

    /// <param name="organization">For an address that does not name one; null for the only one of the token.</param>
    public Task<PlatformAnswer> GetAsync(string path, CallOptions options, CancellationToken ct, string? organization = null) =>
        SendAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Get, Relative(path));
                if (organization is not null)
                {
                    request.Headers.Add(OrganizationHeader, organization);
                }

                return request;
            }, options, ct);

    /// <summary>
    /// Asks once, and gives up when the time is up whatever the network does (a DNS lookup without an answer cannot be cancelled).
    /// </summary>
    /// <remarks>
    /// Synchronous on another thread on purpose: at a cold start the asynchronous path of the HTTP client compiles two hundred more
    /// methods, a third of the time of an activation check.
    /// </remarks>
    /// <exception cref="RefusedException">The platform answered with an error.</exception>
    /// <exception cref="UnreachableException">There was no answer in time.</exception>
    public PlatformAnswer GetWithin(string path, TimeSpan time)
    {
        PlatformAnswer? answer = null;
        Exception? failure = null;
        var call = new Thread(() =>
        {
            try
            {
                answer = Get(path, time);
            }
            catch (Exception caught) when (caught is AgentException or HttpRequestException or OperationCanceledException or IOException)
            {
                failure = caught;
            }
        })
        {
            IsBackground = true,
        };
        call.Start();
        if (!call.Join(time) || failure is OperationCanceledException)
        {
            throw TooSlow(time);
        }

        return answer ?? throw failure switch
        {
            HttpRequestException network => Unreachable(network),
            AgentException said => said,
            _ => new UnreachableException($"{_http.BaseAddress} broke off its answer."),
        };
    }

    private PlatformAnswer Get(string path, TimeSpan time)
    {
        using var deadline = new CancellationTokenSource(time, _clock);
        var token = _tokens?.GetForCheck();
        try
        {
            return Get(path, token, deadline.Token);
        }
        catch (RefusedException refused) when (refused.Status == HttpStatusCode.Unauthorized && _tokens?.RenewForCheck(token!) == true)
        {
            return Get(path, _tokens.GetForCheck(), deadline.Token);
        }
    }

    private PlatformAnswer Get(string path, string? token, CancellationToken ct)
    {
        using var request = Authorized(new HttpRequestMessage(HttpMethod.Get, Relative(path)), token);
        using var response = _http.Send(request, HttpCompletionOption.ResponseContentRead, ct);
        using var body = new MemoryStream();
        response.Content.CopyTo(body, null, ct);
        if (!response.IsSuccessStatusCode)
        {
            throw ErrorOf(response, body.ToArray());
        }

        return new PlatformAnswer(
            response.StatusCode, body.ToArray(),
            response.Headers.TryGetValues(FailModeHeader, out var modes) ? string.Concat(modes) : null);
    }

    /// <summary>Sends a body; the same <c>Idempotency-Key</c> goes with every attempt, so that a retried write has one effect.</summary>
    /// <param name="content">Creates the body for each attempt; null for none.</param>
    /// <param name="ifMatch">The version that the write is meant for; null where the last one wins.</param>
    public async Task<PlatformAnswer> WriteAsync(
        HttpMethod method, string path, Func<HttpContent>? content, CallOptions options, CancellationToken ct, string? ifMatch = null,
        string? organization = null)
    {
        try
        {
            return await SendAsync(Writing(method, path, content, ifMatch, organization), options, ct);
        }
        catch (RefusedException refused) when (options.MayRepeat && refused.Code == AnswerLost)
        {
            return await SendAsync(Writing(method, path, content, ifMatch, organization), options, ct);
        }
    }

    /// <summary>
    /// Begins to read an answer of any length, once, for as long as it takes: whoever reads it goes on by itself where the connection
    /// breaks, and disposes it.
    /// </summary>
    /// <param name="prepare">Sets the headers of the request.</param>
    /// <exception cref="RefusedException">The platform answered with an error.</exception>
    /// <exception cref="UnreachableException">There was no answer.</exception>
    public async Task<HttpResponseMessage> OpenAsync(
        string path, Action<HttpRequestMessage> prepare, CancellationToken ct, string? organization = null)
    {
        for (var renewed = false; ; renewed = true)
        {
            var token = _tokens is null ? null : await _tokens.GetAsync();
            using var request = Authorized(new HttpRequestMessage(HttpMethod.Get, Relative(path)), token);
            if (organization is not null)
            {
                request.Headers.Add(OrganizationHeader, organization);
            }

            prepare(request);
            HttpResponseMessage response;
            try
            {
                response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            }
            catch (HttpRequestException failure)
            {
                throw Unreachable(failure);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                throw new UnreachableException($"{_http.BaseAddress} cannot be reached: no connection in time.");
            }

            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                if (response.StatusCode == HttpStatusCode.Unauthorized && !renewed && token is not null && await _tokens!.RenewAsync(token))
                {
                    continue;
                }

                throw ErrorOf(response, await response.Content.ReadAsByteArrayAsync(ct));
            }
        }
    }

    private Func<HttpRequestMessage> Writing(
        HttpMethod method, string path, Func<HttpContent>? content, string? ifMatch, string? organization)
    {
        var key = Guid.CreateVersion7(_clock.GetUtcNow()).ToString();
        return () =>
        {
            var request = new HttpRequestMessage(method, Relative(path)) { Content = content?.Invoke() };
            request.Headers.Add("Idempotency-Key", key);
            if (organization is not null)
            {
                request.Headers.Add(OrganizationHeader, organization);
            }

            if (ifMatch is not null)
            {
                request.Headers.IfMatch.Add(new EntityTagHeaderValue($"\"{ifMatch}\""));
            }

            // W3C Trace Context: the platform's work for this write can be traced from here.
            request.Headers.Add("traceparent", $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-01");
            return request;
        };
    }

    /// <exception cref="RefusedException">The platform answered with an error.</exception>
    /// <exception cref="UnreachableException">There was no answer in time.</exception>
    private async Task<PlatformAnswer> SendAsync(Func<HttpRequestMessage> create, CallOptions options, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(options.Timeout ?? Timeout.InfiniteTimeSpan, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        var renewed = false;
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                TimeSpan wait;
                try
                {
                    var token = _tokens is null ? null : await _tokens.GetAsync();
                    using var request = Authorized(create(), token);
                    using var response = await _http.SendAsync(request, either.Token);
                    var body = await response.Content.ReadAsByteArrayAsync(either.Token);
                    if (response.IsSuccessStatusCode)
                    {
                        return new PlatformAnswer(response.StatusCode, body);
                    }

                    if (response.StatusCode == HttpStatusCode.Unauthorized && !renewed && token is not null
                        && await _tokens!.RenewAsync(token))
                    {
                        renewed = true;
                        continue;
                    }

                    var error = ErrorOf(response, body);
                    var failure = RetryPolicy.Of(response.StatusCode, (error as RefusedException)?.Code);
                    wait = WaitAfter(failure, options, attempt, AskedBy(response)) ?? throw error;
                }
                catch (HttpRequestException failure) when (WaitAfter(RetryPolicy.Of(failure), options, attempt, asked: null) is { } pause)
                {
                    wait = pause;
                }

                await Task.Delay(wait, _clock, either.Token);
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw TooSlow(options.Timeout ?? default);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new UnreachableException(
                $"{_http.BaseAddress} cannot be reached: no connection in time. Check the address and the network.");
        }
        catch (HttpRequestException failure)
        {
            throw Unreachable(failure);
        }
    }

    private UnreachableException TooSlow(TimeSpan time) => new($"{_http.BaseAddress} did not answer within {time.TotalMilliseconds:0} ms.");

    private static HttpRequestMessage Authorized(HttpRequestMessage request, string? token)
    {
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        return request;
    }

    private UnreachableException Unreachable(HttpRequestException failure) => Unreachable(_http.BaseAddress!, failure);

    public static UnreachableException Unreachable(Uri address, HttpRequestException failure) =>
        new($"{address} cannot be reached: {Reason(failure)}. Check the address and the network.");

    private static TimeSpan? WaitAfter(Failure failure, CallOptions options, int attempt, TimeSpan? asked) =>
        options.Retry ? RetryPolicy.WaitAfter(failure, attempt, asked, Random.Shared.NextDouble()) : null;

    private TimeSpan? AskedBy(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - _clock.GetUtcNow(),
        _ => null,
    };

    private static AgentException ErrorOf(HttpResponseMessage response, byte[] body)
    {
        if ((int)response.StatusCode is >= 300 and < 400)
        {
            return new UnreachableException($"The address leads elsewhere, to {response.Headers.Location}: sign in with that address.");
        }

        Problem? problem = null;
        if (response.Content.Headers.ContentType?.MediaType is "application/problem+json" or "application/json")
        {
            try
            {
                problem = JsonSerializer.Deserialize(body, AgentJson.Default.Problem);
            }
            catch (JsonException)
            {
                // The status alone has to suffice.
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
