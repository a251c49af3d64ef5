using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.SignIn;

/// <summary>Signs in with the browser of this machine: authorization code with PKCE to a loopback address (RFC 8252, RFC 7636).</summary>
internal static class BrowserSignIn
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    /// <returns>Null where no browser could be opened.</returns>
    /// <exception cref="AgentException">The sign-in was refused, or nobody answered in ten minutes.</exception>
    public static async Task<StoredCredentials?> RunAsync(OAuthServer server, Surroundings surroundings, CancellationToken ct)
    {
        using var listener = new LoopbackListener();
        var (pkce, state) = (Pkce.Create(), Pkce.RandomText());
        var address = AddressOf(server, listener, pkce, state);
        var screen = new Screen(surroundings);
        screen.Note($"Sign in in the browser. If it does not open by itself, open this address on this machine:\n\n  {address}\n");
        screen.Note("Waiting for the browser; Ctrl-C gives up. On another machine, use 'envplatform login --device'.");

        using var deadline = new CancellationTokenSource(Longest, surroundings.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            var answer = listener.ReceiveAsync(state, either.Token);
            var opening = Browser.OpenAsync(new Uri(address), surroundings, either.Token);
            if (await Task.WhenAny(answer, opening) == opening && !await opening)
            {
                await either.CancelAsync();
                return null;
            }

            var code = CodeOf(await answer, server);
            return await server.ExchangeAsync(
                new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    ["grant_type"] = "authorization_code",
                    ["code"] = code,
                    ["redirect_uri"] = listener.RedirectUri,
                    ["code_verifier"] = pkce.Verifier,
                }, ct);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new AgentException("Nobody signed in in the browser within ten minutes: run 'envplatform login' again.");
        }
    }

    private static string AddressOf(OAuthServer server, LoopbackListener listener, Pkce pkce, string state)
    {
        var endpoint = server.Metadata.AuthorizationEndpoint!;
        var query = Session.Query(
            ("response_type", "code"), ("client_id", OAuthServer.ClientId), ("redirect_uri", listener.RedirectUri),
            ("scope", server.Scope()), ("state", state), ("code_challenge", pkce.Challenge), ("code_challenge_method", "S256"));
        return endpoint + (endpoint.Contains('?', StringComparison.Ordinal) ? '&' + query[1..] : query);
    }

    /// <summary>
    /// The code, unless the answer is of another server than the one that was asked (RFC 9207): a code must not be sent to somebody else.
    /// </summary>
    private static string CodeOf(IReadOnlyDictionary<string, string> answer, OAuthServer server)
    {
        var isNamed = answer.TryGetValue("iss", out var issuer);
        if (isNamed ? issuer != server.Metadata.Issuer : server.Metadata.AuthorizationResponseIssParameterSupported)
        {
            throw new AgentException("The answer in the browser is not of this platform: nothing was signed in to.");
        }

        if (answer.TryGetValue("error", out var error))
        {
            throw error == "access_denied"
                ? new AgentException("The sign-in was declined in the browser.")
                : new OAuthException(error, answer.GetValueOrDefault("error_description"));
        }

        return answer.TryGetValue("code", out var code) && code.Length > 0
            ? code
            : throw new AgentException("The answer in the browser holds no code: run 'envplatform login' again.");
    }
}
