using System.Security.Cryptography;
using System.Xml.Linq;

using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;

using Microsoft.AspNetCore.DataProtection.KeyManagement;

using Npgsql;

namespace EnvPlatform.Identity.Protection;

/// <summary>
/// Reads the keys of data protection, which all instances share, from the database, and makes them: the first at the first start, and each
/// later one days before the last expires, so that every instance has read it when it is used. One instance at a time: the framework would
/// let each that starts make a key that the others do not know.
/// </summary>
internal sealed class KeepKeys(NpgsqlDataSource db, IKeyManager keys, KnownKeys known, TimeProvider clock) : IPeriodicWork
{
    private const long LockKey = 0x656e_7670_6b65_7973; // "envpkeys"
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(90);

    /// <summary>The framework looks for new keys once a day.</summary>
    private static readonly TimeSpan Notice = TimeSpan.FromDays(3);

    public static TimeSpan Interval { get; } = TimeSpan.FromHours(6);

    public async Task RunAsync(CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync("select pg_advisory_xact_lock(@LockKey)", new { LockKey });
        known.Replace(await tx.QueryAsync<string>("select xml from data_protection_keys order by created_at"));
        var now = clock.GetUtcNow();
        var good = keys.GetAllKeys().Where(key => !key.IsRevoked && key.ExpirationDate > now && CanBeRead(key)).ToArray();
        if (!good.Any(key => key.ExpirationDate > now + Notice + Notice))
        {
            keys.CreateNewKey(good.Length == 0 ? now : good.Max(key => key.ExpirationDate) - Notice, now + Lifetime);
        }

        foreach (var (name, xml) in known.TakeMade())
        {
            await tx.ExecuteAsync(
                "insert into data_protection_keys (name, xml, created_at) values (@name, @Xml, @now)",
                new { name, Xml = xml.ToString(SaveOptions.DisableFormatting), now });
        }

        await tx.CommitAsync();
    }

    /// <summary>Not when the service's secret was changed: nobody can use the keys from before.</summary>
    private static bool CanBeRead(IKey key)
    {
        try
        {
            return key.CreateEncryptor() is not null;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
