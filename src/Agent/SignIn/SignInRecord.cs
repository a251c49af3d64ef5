using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.SignIn;

/// <summary>Begins and ends sign-ins: what is kept of them on this machine, and what the platform is told.</summary>
internal sealed class SignInRecord(Surroundings surroundings, Settings settings)
{
    public const string ByBrowser = "browser";
    public const string ByDevice = "device";
    public const string ByPassword = "password";
    public const string ByToken = "token";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly CredentialStore _store = new(surroundings, settings);

    /// <summary>Keeps a sign-in in the place of the one before, which is revoked.</summary>
    /// <param name="mayAsk">Whether the keyring may ask the user to unlock it.</param>
    /// <returns>A sentence that says where the secrets are.</returns>
    /// <exception cref="AgentException">They cannot be kept.</exception>
    public async Task<string> KeepAsync(
        StoredCredentials credentials, string method, string? organization, bool mayAsk, CancellationToken ct)
    {
        using var held = await FileLock.AcquireAsync(_store.LockFile, surroundings.Clock);
        settings.Reload();
        IReadOnlyList<PendingRevocation> before = [];
        var lost = "";
        try
        {
            before = await PendingOfStoredAsync();
        }
        catch (AgentException failure)
        {
            lost = $"The sign-in before this one could not be revoked; end its session in your account. {failure.Message}";
        }

        var (keptIn, refused) = await _store.WriteAsync(credentials, mayAsk, inSettings: credentials.RefreshToken is null);
        settings.Update(stored => stored with
        {
            Url = credentials.Url,
            Token = keptIn is null ? credentials.Token : null,
            Organization = organization,
            Method = method,
            KeptIn = keptIn,
            SaidDisabled = null,
        });
        await RevokeAsync(before, ct);
        return lost + (lost.Length > 0 ? "\n" : "") + (keptIn, refused) switch
        {
            (CredentialStore.InKeyring, _) => $"The sign-in is kept in {_store.Place(keptIn)}.",
            (_, null) => $"This session has no keyring: the sign-in is kept in {_store.Place(keptIn)}.",
            _ => $"The keyring was not used ({refused}): the sign-in is kept in {_store.Place(keptIn)}.",
        };
    }

    /// <summary>Deletes the sign-in here, and revokes it at the platform.</summary>
    /// <exception cref="AgentException">The secrets cannot be deleted.</exception>
    public async Task<Revoked> EndAsync(CancellationToken ct)
    {
        using var held = await FileLock.AcquireAsync(_store.LockFile, surroundings.Clock);
        settings.Reload();
        var stored = await PendingOfStoredAsync();
        // First what stays if this is interrupted: the tokens that are to be revoked.
        await _store.WriteRevocationsAsync([.. await _store.ReadRevocationsAsync(), .. stored]);
        await _store.DeleteAsync(settings.Stored.KeptIn);
        settings.Update(old => old with { Token = null, Organization = null, Method = null, KeptIn = null, SaidDisabled = null });
        return await RevokeAsync([], ct);
    }

    /// <summary>Revokes what earlier sign-outs could not.</summary>
    public async Task<Revoked> CatchUpAsync(CancellationToken ct)
    {
        if (settings.Stored.PendingRevocations is null)
        {
            return new Revoked(0, null);
        }

        using var held = await FileLock.AcquireAsync(_store.LockFile, surroundings.Clock);
        settings.Reload();
        return await RevokeAsync([], ct);
    }

    /// <summary>
    /// The tokens of the present sign-in that end with it. One that was handed over may be in use elsewhere and is its owner's to revoke.
    /// </summary>
    private async Task<IReadOnlyList<PendingRevocation>> PendingOfStoredAsync()
    {
        var stored = settings.Stored;
        StoredCredentials? credentials;
        try
        {
            credentials = stored.Token is { } token && stored.Url is { } url
                ? new StoredCredentials(url, token, RevocationEndpoint: url + "/oauth/revoke")
                : await _store.ReadAsync();
        }
        catch (AgentException) when (stored.Method is ByBrowser or ByDevice)
        {
            throw;
        }
        catch (AgentException)
        {
            return [];
        }

        if (credentials is null || stored.Method is null or ByToken
            || (credentials.RevocationEndpoint ?? credentials.Url + "/oauth/revoke") is not { } endpoint)
        {
            return [];
        }

        var access = new PendingRevocation(endpoint, credentials.Token, "access_token");
        return credentials.RefreshToken is { } refresh ? [new PendingRevocation(endpoint, refresh, "refresh_token"), access] : [access];
    }

    private async Task<Revoked> RevokeAsync(IReadOnlyList<PendingRevocation> more, CancellationToken ct)
    {
        IReadOnlyList<PendingRevocation> pending = [.. await _store.ReadRevocationsAsync(), .. more];
        var left = new List<PendingRevocation>();
        string? refused = null;
        using var deadline = new CancellationTokenSource(Patience, surroundings.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        foreach (var one in pending)
        {
            try
            {
                await OAuthServer.RevokeAsync(one, surroundings.Clock, either.Token);
            }
            catch (Exception failure) when (failure is UnreachableException or OperationCanceledException)
            {
                left.Add(one);
            }
            catch (AgentException failure)
            {
                // A token that it does not know would have been no error: to ask again will not help.
                refused = failure.Message;
            }
        }

        await _store.WriteRevocationsAsync(left);
        return new Revoked(left.Count, refused);
    }
}

/// <summary>How a revocation ended.</summary>
/// <param name="Pending">How many tokens are still to be revoked, because the platform did not answer.</param>
/// <param name="Refused">Why the platform did not revoke one; null where it revoked what it was asked to.</param>
internal sealed record Revoked(int Pending, string? Refused);
