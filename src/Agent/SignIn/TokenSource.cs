using System.Diagnostics;

using UnreachableException = EnvPlatform.Agent.Client.UnreachableException;

namespace EnvPlatform.Agent.SignIn;

/// <summary>
/// Gives each request its bearer token. An access token that has expired is renewed first, one that was refused once; of many processes
/// that find it expired, one renews it and the others take what it got.
/// </summary>
internal sealed class TokenSource
{
    /// <summary>The command that renews the sign-in in a process of its own; not for users.</summary>
    public const string RenewCommand = "renew-sign-in";

    private readonly Surroundings? _surroundings;
    private Settings? _settings;
    private StoredCredentials? _credentials;

    private TokenSource(Surroundings? surroundings, Settings? settings, StoredCredentials? credentials)
    {
        _surroundings = surroundings;
        _settings = settings;
        _credentials = credentials;
    }

    /// <summary>A token that does not change.</summary>
    public static TokenSource Fixed(string token) => new(null, null, new StoredCredentials("", token));

    /// <summary>
    /// The token of the environment variable or the settings, or the sign-in that is kept elsewhere; null where there is none.
    /// </summary>
    public static TokenSource? Of(Surroundings surroundings, Settings settings) =>
        settings.Token is { } token ? Fixed(token)
        : settings.IsForStoredUrl && settings.Stored.KeptIn is not null ? new TokenSource(surroundings, settings, null)
        : null;

    /// <summary>When the present access token expires; null where it is not known to.</summary>
    public async Task<DateTimeOffset?> ExpiresAtAsync() => (await CredentialsAsync()).ExpiresAt;

    /// <summary>A token that is good now, as far as is known.</summary>
    /// <exception cref="SignInEndedException">The sign-in cannot be renewed.</exception>
    /// <exception cref="AgentException">The secrets cannot be read or stored, or the platform does not answer.</exception>
    public async Task<string> GetAsync()
    {
        var credentials = await CredentialsAsync();
        return credentials.RefreshToken is null || credentials.IsFresh(_surroundings!.Clock.GetUtcNow())
            ? credentials.Token
            : (await RenewAsync(credentials)).Token;
    }

    /// <summary>Renews a token that the platform refused.</summary>
    /// <returns>False where it cannot be renewed at all.</returns>
    /// <exception cref="SignInEndedException">The sign-in has ended.</exception>
    public async Task<bool> RenewAsync(string refused)
    {
        var credentials = await CredentialsAsync();
        if (credentials.RefreshToken is null)
        {
            return false;
        }

        if (credentials.Token == refused)
        {
            await RenewAsync(credentials);
        }

        return true;
    }

    /// <summary>
    /// As <see cref="GetAsync"/>, for a caller that may be given up at any time: the renewal is then done by a process that is not.
    /// </summary>
    public string GetForCheck()
    {
        if (_credentials is { RefreshToken: null } handedOver)
        {
            return handedOver.Token;
        }

        var credentials = CredentialsAsync().GetAwaiter().GetResult();
        if (credentials.RefreshToken is not null && !credentials.IsFresh(_surroundings!.Clock.GetUtcNow()))
        {
            RenewForCheck(credentials.Token);
            credentials = CredentialsAsync().GetAwaiter().GetResult();
        }

        return credentials.Token;
    }

    /// <summary>As <see cref="RenewAsync(string)"/>, for a caller that may be given up at any time.</summary>
    public bool RenewForCheck(string refused)
    {
        var credentials = CredentialsAsync().GetAwaiter().GetResult();
        if (credentials.RefreshToken is null)
        {
            return false;
        }

        if (_surroundings!.Program is not { } program)
        {
            return RenewAsync(refused).GetAwaiter().GetResult();
        }

        var start = new ProcessStartInfo(program, [RenewCommand])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        _settings = Settings.Load(_surroundings);
        _credentials = null;
        return process.ExitCode switch
        {
            ExitCodes.Fine => true,
            ExitCodes.Found => throw new SignInEndedException(_settings.Url!),
            _ => throw new UnreachableException("The sign-in could not be renewed: " + said.ReplaceLineEndings(" ").Trim()),
        };
    }

    /// <summary>What <see cref="RenewCommand"/> does; one line on standard error where it could not.</summary>
    public static async Task<int> RenewAsync(Surroundings surroundings)
    {
        var settings = Settings.Load(surroundings);
        if (Of(surroundings, settings) is not { } tokens || settings.Token is not null)
        {
            return ExitCodes.CouldNot;
        }

        try
        {
            await tokens.RenewAsync((await tokens.CredentialsAsync()).Token);
            return ExitCodes.Fine;
        }
        catch (SignInEndedException)
        {
            // Not as a platform that does not answer, for which an organization may let environments be activated.
            return ExitCodes.Found;
        }
    }

    private async Task<StoredCredentials> CredentialsAsync()
    {
        if (_credentials is not null)
        {
            return _credentials;
        }

        var stored = await new CredentialStore(_surroundings!, _settings!).ReadAsync();
        if (stored is null || stored.Url != _settings!.Url)
        {
            throw new SignInEndedException(_settings!.Url!);
        }

        return _credentials = stored;
    }

    /// <summary>
    /// The platform accepts a refresh token once, and takes a second use for a theft that ends the sign-in. So one process renews at a
    /// time, and what it got is on the disk before it is used.
    /// </summary>
    private async Task<StoredCredentials> RenewAsync(StoredCredentials seen)
    {
        var store = new CredentialStore(_surroundings!, _settings!);
        using var held = await FileLock.AcquireAsync(store.LockFile, _surroundings!.Clock);
        // Another process may have changed both since this one began.
        _settings = Settings.Load(_surroundings);
        _credentials = null;
        var stored = await CredentialsAsync();
        if (stored.Token != seen.Token)
        {
            return stored;
        }

        StoredCredentials next;
        try
        {
            using var server = OAuthServer.Of(stored, _surroundings.Clock);
            next = await server.RefreshAsync(stored.RefreshToken!);
        }
        catch (OAuthException refused) when (refused.Code == "invalid_grant")
        {
            await store.DeleteAsync(_settings!.Stored.KeptIn);
            throw new SignInEndedException(_settings.Url!);
        }

        var (keptIn, _) = await store.WriteAsync(next, mayAsk: false, onlyFile: _settings!.Stored.KeptIn == CredentialStore.InFile);
        if (keptIn != _settings.Stored.KeptIn)
        {
            _settings.Update(stored => stored with { KeptIn = keptIn });
            await _surroundings.Error.WriteLineAsync(
                $"warning: the keyring took no new sign-in; it is kept in {store.Place(keptIn)}, from now on.");
        }

        return _credentials = next;
    }
}
