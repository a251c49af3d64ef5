using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Testing;

/// <summary>Signs each request of its own: an assertion soon expires.</summary>
public sealed class SignedRequests : DelegatingHandler
{
    private readonly Func<Assertion> _assert;
    private readonly CallKey _key;

    /// <param name="assert">What the requests say of their caller; asked for each.</param>
    /// <param name="key">Of the calls to the service.</param>
    public SignedRequests(Func<Assertion> assert, CallKey key)
        : base(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) => (_assert, _key) = (assert, key);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Headers.Remove(Assertion.Header);
        request.Headers.Add(Assertion.Header, _assert().Sign(_key));
        return base.SendAsync(request, cancellationToken);
    }
}
