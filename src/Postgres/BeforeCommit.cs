namespace EnvPlatform.Postgres;

/// <summary>
/// A statement that the transactions of the current request run last, so that it takes effect if and only if they commit: it lets
/// middleware record in the database that the handler's work took effect.
/// </summary>
public static class BeforeCommit
{
    private static readonly AsyncLocal<Func<Tx, Task>?> Ambient = new();

    /// <param name="statement">Null: none from now on. Flows to everything that the current asynchronous flow calls.</param>
    public static void Set(Func<Tx, Task>? statement) => Ambient.Value = statement;

    internal static Task RunAsync(Tx tx) => Ambient.Value?.Invoke(tx) ?? Task.CompletedTask;
}
