using System.Net;
using System.Text;
using System.Text.Json;

using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Client;

/// <summary>This machine's registration with the organization.</summary>
internal static class Machine
{
    /// <summary>The id of this machine: from the settings, or a new one that is then saved there.</summary>
    public static Guid IdOf(Session session)
    {
        if (session.Settings.MachineId is { } known)
        {
            return known;
        }

        var id = Guid.CreateVersion7(session.Surroundings.Clock.GetUtcNow());
        session.Settings.Save(session.Settings.Stored with { MachineId = id });
        return id;
    }

    /// <summary>Registers the machine, and records that in the cache.</summary>
    /// <remarks>
    /// A machine belongs to the member who registered it first. Where another member has signed in here since, the settings get a new id;
    /// an id from the environment variable is never changed.
    /// </remarks>
    public static async Task RegisterAsync(Session session, CancellationToken ct)
    {
        try
        {
            await PutAsync(session, ct);
        }
        catch (RefusedException refused) when (refused.Code == "machine_taken" && session.Surroundings["ENVPLATFORM_MACHINE_ID"] is null)
        {
            session.Settings.Save(session.Settings.Stored with { MachineId = null });
            await PutAsync(session, ct);
        }

        TryNote(session);
    }

    private static Task<PlatformAnswer> PutAsync(Session session, CancellationToken ct)
    {
        var registration = new MachineRegistration(session.Surroundings.HostName, CondaPlatform.OfThisMachine(), Surroundings.Version);
        var body = JsonSerializer.SerializeToUtf8Bytes(registration, AgentJson.Default.MachineRegistration);
        return session.Client.WriteAsync(
            HttpMethod.Put, session.Path($"machines/{IdOf(session)}"), () => JsonBody.Of(body), CallOptions.Repeatable, ct);
    }

    /// <summary>
    /// As <see cref="RegisterAsync"/>, unless it was already done with the same address, organization, host name and agent version.
    /// </summary>
    public static async Task EnsureRegisteredAsync(Session session, CancellationToken ct)
    {
        var note = NoteFile(session);
        if (Folder.Read(note, File.ReadAllText, out _) != Note(session))
        {
            await RegisterAsync(session, ct);
        }
    }

    /// <summary>
    /// Runs a call that needs a registered machine; where the platform does not (or no longer) know the machine, registers it and retries
    /// once.
    /// </summary>
    public static async Task<PlatformAnswer> WithRegistrationAsync(Session session, Func<Task<PlatformAnswer>> call, CancellationToken ct)
    {
        await EnsureRegisteredAsync(session, ct);
        try
        {
            return await call();
        }
        catch (RefusedException refused) when (refused.Status == HttpStatusCode.NotFound)
        {
            await RegisterAsync(session, ct);
            return await call();
        }
    }

    private static string NoteFile(Session session) => Path.Combine(Settings.CacheFolder(session.Surroundings), "registration");

    private static string Note(Session session) =>
        $"{session.Settings.Url} {session.Organization} {IdOf(session)} {session.Surroundings.HostName} {Surroundings.Version}";

    private static void TryNote(Session session)
    {
        try
        {
            PrivateFile.Write(NoteFile(session), Encoding.UTF8.GetBytes(Note(session)));
        }
        catch (AgentException)
        {
            // Without the record the next log registers again, which is harmless.
        }
    }
}
