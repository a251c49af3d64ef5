using System.Threading.RateLimiting;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Verifies and hashes passwords, a limited number at once: a hash takes a processor a tenth of a second, and everything else of the
/// service needs one too. The next ones wait in a queue of limited length.
/// </summary>
internal sealed class PasswordChecks(IOptions<IdentityOptions> options) : IDisposable
{
    private readonly ConcurrencyLimiter _turns = new(new()
    {
        PermitLimit = options.Value.PasswordChecks,
        QueueLimit = options.Value.WaitingPasswordChecks,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <summary>Null when too many wait already.</summary>
    /// <param name="hash">Null when there is none; that takes as long.</param>
    public async Task<bool?> VerifyAsync(string? hash, string password, CancellationToken ct)
    {
        using var turn = await _turns.AcquireAsync(1, ct);
        return turn.IsAcquired ? Passwords.Verify(hash, password) : null;
    }

    /// <summary>The hash of a new password; null when too many wait already.</summary>
    public async Task<string?> HashAsync(string password, CancellationToken ct)
    {
        using var turn = await _turns.AcquireAsync(1, ct);
        return turn.IsAcquired ? Passwords.Hash(password) : null;
    }

    public void Dispose() => _turns.Dispose();
}
