using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// The lock that keeps results and advisories in step. Storing match results takes it shared and matches with an index of the generation
/// that it returns; changing the advisories takes it exclusively, matches the stored packages again and raises the generation. So no result
/// of an older generation can be stored after an import has looked for results to renew.
/// </summary>
internal static class FindingsLock
{
    private const long Key = 0x656e_7670_6669_6e64; // "envpfind"

    /// <summary>Waits for an import that is changing the findings, and blocks the next one until the transaction ends.</summary>
    /// <returns>The generation of the advisories, which does not change while the lock is held.</returns>
    public static async Task<long> ShareAsync(Tx tx)
    {
        await tx.ExecuteAsync("select pg_advisory_xact_lock_shared(@Key)", new { Key });
        return await GenerationAsync(tx);
    }

    public static async Task<long> TakeAsync(Tx tx)
    {
        await tx.ExecuteAsync("select pg_advisory_xact_lock(@Key)", new { Key });
        return await GenerationAsync(tx);
    }

    // A statement of its own: its snapshot must be younger than the lock.
    private static Task<long> GenerationAsync(Tx tx) => tx.QuerySingleAsync<long>("select generation from advisory_state");
}
