namespace EnvPlatform.Postgres;

/// <summary>
/// The Idempotency-Key of the request that is being handled, if it carries one. The transaction of the handler marks the key as committed,
/// so that a crash between the commit and the answer can be told from a request that never took effect.
/// </summary>
internal sealed class IdempotencyScope(string scope, byte[] keySha256)
{
    private static readonly AsyncLocal<IdempotencyScope?> Ambient = new();

    public static void Enter(string scope, byte[] keySha256) => Ambient.Value = new IdempotencyScope(scope, keySha256);

    public static void Leave() => Ambient.Value = null;

    public static async Task CommitAsync(Tx tx)
    {
        if (Ambient.Value is { } current)
        {
            await tx.ExecuteAsync(
                "update idempotency_keys set committed = true where scope = @Scope and key_sha256 = @KeySha256", current.Parameters);
        }
    }

    private object Parameters => new { Scope = scope, KeySha256 = keySha256 };
}
