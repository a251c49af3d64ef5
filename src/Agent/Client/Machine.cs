using System.Net;
using System.Text;
using System.Text.Json;

using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Client;

/// <summary>This machine's registration with the organization.</summary>
internal static class Machine
{
    /// <summary>Characters of a reason that the platform takes.</summary>
    private const int LongestReason = 1_000;

    /// <summary>The id of this machine: from the settings, or a new one that is then saved there.</summary>
    public static Guid IdOf(Session session)
    {
        if (session.Settings.MachineId is { } known)
        {
            return known;
        }

        var id = Guid.CreateVersion7(session.Surroundings.Clock.GetUtcNow());
        session.Settings.Update(stored => stored with { MachineId = id });
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
            await RegisterUnderSomeIdAsync(session, ct);
        }
        catch (AgentException failure)
            when (failure is not (UnreachableException or RefusedException { Code: RefusedException.EnvironmentsDisabled }))
        {
            await TryTellAsync(session, failure, ct);
            throw;
        }
    }

    private static async Task RegisterUnderSomeIdAsync(Session session, CancellationToken ct)
    {
        try
        {
            await PutAsync(session, ct);
        }
        catch (RefusedException refused) when (refused.Code == "machine_taken" && session.Surroundings["ENVPLATFORM_MACHINE_ID"] is null)
        {
            session.Settings.Update(stored => stored with { MachineId = null });
            await PutAsync(session, ct);
        }

        TryNote(session);
    }

    /// <summary>Tells the platform that a machine of the member is missing, and why: the administrator sees it in the audit log.</summary>
    private static async Task TryTellAsync(Session session, AgentException failure, CancellationToken ct)
    {
        var reason = PlainText.Of(failure.Message.ReplaceLineEndings(" ").Replace('\t', ' '));
        reason = reason.Length <= LongestReason ? reason : reason[..LongestReason];
        var report = new RegistrationFailure(
            session.Settings.MachineId, session.Surroundings.HostName, CondaPlatform.OfThisMachine(), Surroundings.Version, reason);
        var body = JsonSerializer.SerializeToUtf8Bytes(report, AgentJson.Default.RegistrationFailure);
        try
        {
            await session.Client.WriteAsync(
                HttpMethod.Post, session.Path("machines/registration-failures"), () => JsonBody.Of(body), CallOptions.Usual, ct);
        }
        catch (AgentException)
        {
            // What the user is told is the registration's own failure.
        }
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
