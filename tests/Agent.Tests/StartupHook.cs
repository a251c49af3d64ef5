using System.Reflection;

/// <summary>
/// Loaded into the agent's process by DOTNET_STARTUP_HOOKS, which wants this name in no namespace: a thread of the process throws as soon
/// as the last handler is in force.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "MA0047", Justification = "The runtime wants no namespace.")]
internal static class StartupHook
{
    public static void Initialize() => new Thread(ThrowOnceHandled) { IsBackground = true }.Start();

    private static void ThrowOnceHandled()
    {
        while (!IsHandled())
        {
            Thread.Sleep(5);
        }

        throw new InvalidOperationException("thrown by\nanother thread");
    }

    private static bool IsHandled() =>
        AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(assembly => assembly.GetName().Name == "envplatform")
            ?.GetType("EnvPlatform.Agent.LastHandler")?.GetProperty("IsInstalled", BindingFlags.Public | BindingFlags.Static)
            ?.GetValue(null) is true;
}
