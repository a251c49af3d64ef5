namespace EnvPlatform.Postgres;

/// <summary>
/// A statement that the transactions begun on behalf of the request that is being handled run last, so that it holds if and only if they
/// commit: how what surrounds a handler learns in the database that the handler's work took effect.
/// </summary>
public static class BeforeCommit
{
    private static readonly AsyncLocal<Func<Tx, Task>?> Ambient = new();

    /// <param name="statement">Null: none from now on. Known to everything that the current asynchronous flow calls.</param>
    public static void Set(Func<Tx, Task>? statement) => Ambient.Value = statement;

    internal static Task RunAsync(Tx tx) => Ambient.Value?.Invoke(tx) ?? Task.CompletedTask;
}
