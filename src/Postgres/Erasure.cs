using Npgsql;

namespace EnvPlatform.Postgres;

/// <summary>Deletes many rows without one long transaction that others wait for.</summary>
public static class Erasure
{
    /// <summary>Takes a step, in its own transaction, again and again until it deletes no more.</summary>
    /// <param name="deleteAsync">Deletes at most some thousands of rows, and says how many.</param>
    public static async Task EraseAsync(this NpgsqlDataSource db, Func<Tx, Task<int>> deleteAsync, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(deleteAsync);
        for (var deleted = -1; deleted != 0;)
        {
            await using var tx = await db.BeginAsync(ct);
            deleted = await deleteAsync(tx);
            await tx.CommitAsync();
        }
    }
}
