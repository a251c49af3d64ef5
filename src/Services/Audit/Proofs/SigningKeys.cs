using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Transparency;

using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Audit.Proofs;

/// <summary>
/// The keys that sign checkpoints, the same for all logs and instances. A key is valid for a time; the next one is made before that ends,
/// and both sign until then, so that whoever knows one of them can go on to the other. The private keys are stored encrypted under the
/// service's secret. A key is never changed or removed: checkpoints that it signed stay verifiable.
/// </summary>
internal sealed partial class SigningKeys(
    NpgsqlDataSource db, ServiceSecret secret, IOptions<AuditOptions> options, TimeProvider clock, ILogger<SigningKeys> log)
{
    private const string Purpose = "audit signing keys";
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);
    private (DateTimeOffset Until, IReadOnlyList<SigningKey> Keys)? _known;

    /// <summary>The name under which keys sign for a log, and its origin: <c>NAME/ID</c>.</summary>
    public string OriginOf(OrganizationId organization) => $"{options.Value.LogName}/{organization}";

    /// <summary>Every key, the oldest first; without the private ones.</summary>
    public Task<List<SigningKey>> AllAsync(CancellationToken ct) => db.QueryAsync<SigningKey>(
        "select public_key, sealed_key, valid_from, valid_until from audit_signing_keys order by valid_from, public_key", null, ct);

    /// <summary>The keys that sign now; there is always one, made when it is needed.</summary>
    public async Task<IReadOnlyList<SigningKey>> InForceAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (_known is { } known && now < known.Until)
        {
            return [.. known.Keys.Where(key => key.ValidUntil > now)];
        }

        var keys = await UsableAsync(now, ct);
        if (!keys.Any(key => key.ValidUntil - TimeSpan.FromDays(options.Value.SigningKeyOverlapDays) > now))
        {
            await CreateAsync(now, ct);
            keys = await UsableAsync(now, ct);
        }

        _known = (now + Remembered, keys);
        return keys;
    }

    /// <summary>The signer of a log.</summary>
    public INoteSigner SignerOf(SigningKey key, OrganizationId organization) =>
        new Ed25519Signer(OriginOf(organization), Open(key) ?? throw new InvalidOperationException("The key was readable before."));

    private async Task<List<SigningKey>> UsableAsync(DateTimeOffset now, CancellationToken ct)
    {
        var usable = new List<SigningKey>();
        foreach (var key in (await AllAsync(ct)).Where(key => key.ValidUntil > now))
        {
            if (Open(key) is null)
            {
                LogUnreadable(Convert.ToHexStringLower(key.PublicKey));
            }
            else
            {
                usable.Add(key);
            }
        }

        return usable;
    }

    private async Task CreateAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        // One instance makes it, the others find it.
        await tx.ExecuteAsync("select pg_advisory_xact_lock(hashtext('audit_signing_keys'))");
        var there = await tx.QueryAsync<SigningKey>(
            "select public_key, sealed_key, valid_from, valid_until from audit_signing_keys where valid_until > @Until",
            new { Until = now.AddDays(options.Value.SigningKeyOverlapDays) });
        if (there.Any(key => Open(key) is not null))
        {
            return;
        }

        // Signatures tell the time in seconds.
        now = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds());
        var privateKey = Ed25519Signer.NewPrivateKey();
        var made = new SigningKey(Ed25519Signer.PublicKeyOf(privateKey), Seal(privateKey), now, now.AddDays(options.Value.SigningKeyDays));
        await tx.ExecuteAsync(
            """
            insert into audit_signing_keys (public_key, sealed_key, valid_from, valid_until)
            values (@PublicKey, @SealedKey, @ValidFrom, @ValidUntil)
            """, made);
        var key = NoteKey.Of(OriginOf(default), made.PublicKey);
        tx.Audit(
            Caller.OfSystem("audit", null), now, "audit_log_key_created", new AuditTarget($"{key.Id:x8}", null, "signing_key"),
            "A key that signs checkpoints of the audit logs was made.",
            new { public_key = Convert.ToBase64String(made.PublicKey), made.ValidFrom, made.ValidUntil, unreadable = there.Count });
        await tx.CommitAsync();
        LogCreated(key, made.ValidUntil);
    }

    private byte[] Seal(byte[] privateKey) => SealedSecret.Seal(secret, Purpose, privateKey);

    /// <summary>Null where the service's secret is another one than when the key was stored.</summary>
    private byte[]? Open(SigningKey key) => SealedSecret.Open(secret, Purpose, key.SealedKey);

    [LoggerMessage(Level = LogLevel.Information, Message = "The key {PublicKey} signs checkpoints until {ValidUntil}.")]
    private partial void LogCreated(NoteKey publicKey, DateTimeOffset validUntil);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "The key {PublicKey} cannot be read with this SERVICE_SECRET: checkpoints are no longer signed with it.")]
    private partial void LogUnreadable(string publicKey);
}
