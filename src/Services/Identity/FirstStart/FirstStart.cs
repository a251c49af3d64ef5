using System.Security.Cryptography;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Identity.Protection;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Background;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.FirstStart;

/// <summary>
/// Where there is no organization yet, creates <c>default</c> and its administrator, who is also the operator, and writes how to sign in to
/// the file that <c>BOOTSTRAP_FILE</c> names. Of several instances that start at once only one does it. The service is ready only
/// afterwards.
/// </summary>
internal sealed partial class FirstStart(
    NpgsqlDataSource db, MigrationState migrated, FirstStartState state, KeepKeys keys, IConfiguration configuration,
    IOptions<IdentityOptions> options, TimeProvider clock, ILogger<FirstStart> log) : BackgroundService
{
    private const long LockKey = 0x656e_7670_6669_7273; // "envpfirs"
    private const string Slug = "default";
    private const string AdministratorName = "Administrator";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrated.Ready.WaitAsync(stoppingToken);
        await new RepeatedWork(nameof(FirstStart), clock, log).RunAsync(
            async ct =>
            {
                await RunAsync(ct);
                await keys.RunAsync(ct);
                state.Complete();
                return null;
            }, stoppingToken);
    }

    private async Task RunAsync(CancellationToken ct)
    {
        var file = configuration["BOOTSTRAP_FILE"] is { Length: > 0 } path ? new BootstrapFile(path) : null;
        await using var tx = await db.BeginAsync(ct);
        await tx.ExecuteAsync("select pg_advisory_xact_lock(@LockKey)", new { LockKey });
        var started = await tx.QuerySingleAsync<bool>("select exists (select from organizations)");
        if (file is null)
        {
            if (!started)
            {
                LogNoFile();
            }

            return;
        }

        if (!started)
        {
            await CreateAsync(tx, file, ct);
        }
        else if (options.Value.IssueBootstrapToken)
        {
            await IssueAgainAsync(tx, file, ct);
        }
        else if (!await FinishAsync(tx, file, ct))
        {
            LogRecovery(file.Path);
        }
    }

    private async Task CreateAsync(Tx tx, BootstrapFile file, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var (id, email, password) = (SubjectId.New(now), options.Value.AdministratorEmail.ToLowerInvariant(), NewPassword());
        await tx.ExecuteAsync(
            """
            insert into subjects (id, type, email, display_name, operator, password_hash, created_at, email_verified_at)
            values (@id, 'user', @email, @AdministratorName, true, @Hash, @now, @now)
            """, new { id, email, AdministratorName, Hash = Passwords.Hash(password), now });
        var administrator = Caller.Of(id, "user", AdministratorName, RequestOrigin.Unknown, AuthenticationFailures.Service, email);
        await CreateOrganization.CreateAsync(tx, administrator, Slug, "Default", environmentsEnabled: true, now);
        var token = await TokenStore.IssueAsync(tx, id, null, "bootstrap", power: true, "bootstrap", null, now);
        await WriteAsync(tx, file, Slug, email, password, token.Token, ct);
        LogCreated(Slug, file.Path);
    }

    /// <summary>Recovery: a new password and token for the first operator, replacing the old ones.</summary>
    private async Task IssueAgainAsync(Tx tx, BootstrapFile file, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var first = await tx.QuerySingleAsync<Operator>(
            """
            select s.id, s.email, coalesce(o.slug, @Slug) as slug
            from subjects s
            left join (
                select m.subject_id, m.created_at, o.slug
                from active_memberships m
                join organizations o on o.id = m.org_id and o.deleted_at is null) o on o.subject_id = s.id
            where s.operator and s.type = 'user'
            order by s.id, o.created_at limit 1
            """, new { Slug });
        var password = NewPassword();
        await tx.ExecuteAsync(
            "update subjects set password_hash = @Hash where id = @Id", new { Hash = Passwords.Hash(password), first.Id });
        var old = await tx.QueryAsync<TokenId>(
            """
            update tokens set revoked_at = @now
            where subject_id = @Id and kind = 'bootstrap' and revoked_at is null returning id
            """, new { first.Id, now });
        TokenStore.Publish(tx, old, now);
        var (sessions, grants) = await TokenStore.RevokeSignInsAsync(tx, first.Id, now);
        var token = await TokenStore.IssueAsync(tx, first.Id, null, "bootstrap", power: true, "bootstrap", null, now);
        tx.Audit(
            Caller.OfSystem(AuthenticationFailures.Service, organization: null), now, "operator_credentials_issued",
            new AuditTarget(first.Id.ToString(), first.Email, "user"),
            "A start with Identity:IssueBootstrapToken gave the operator a new password and token.",
            new { token_id = token.Id, revoked = old.Count + sessions, grants_ended = grants });
        await WriteAsync(tx, file, first.Slug, first.Email, password, token.Token, ct);
        LogIssuedAgain(file.Path);
    }

    /// <summary>The secrets are on disk, under a temporary name, before the commit: whatever happens in between, none is lost.</summary>
    private async Task WriteAsync(
        Tx tx, BootstrapFile file, string organization, string email, string password, string token, CancellationToken ct)
    {
        await file.PrepareAsync(new(PlatformAddress.Of(configuration), organization, email, password, token), ct);
        await tx.CommitAsync();
        file.Publish();
    }

    /// <summary>Completes a first start that died between commit and rename. False when there is still no file.</summary>
    private static async Task<bool> FinishAsync(Tx tx, BootstrapFile file, CancellationToken ct)
    {
        if (await file.ReadPreparedAsync(ct) is not { } prepared)
        {
            return file.Exists;
        }

        var known = await tx.QuerySingleAsync<bool>(
            "select exists (select from tokens where sha256 = @Sha256)", new { Sha256 = SecretFormat.Sha256(prepared.Token) });
        if (known)
        {
            file.Publish();
        }
        else
        {
            file.Discard();
        }

        return file.Exists;
    }

    private static string NewPassword() => RandomNumberGenerator.GetString("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 24);

    private sealed record Operator(SubjectId Id, string Email, string Slug);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "There is no organization, and none is created because BOOTSTRAP_FILE does not say where to write how to sign in.")]
    private partial void LogNoFile();

    [LoggerMessage(Level = LogLevel.Information, Message = "Created the organization {Slug}; how to sign in is in {File}")]
    private partial void LogCreated(string slug, string file);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Issued a new password and bootstrap token for the first operator; how to sign in is in {File}")]
    private partial void LogIssuedAgain(string file);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{File} is not there. If nobody can sign in, start once with Identity:IssueBootstrapToken=true to get a new one.")]
    private partial void LogRecovery(string file);
}

/// <summary>Whether the first start is over, in this process or long ago.</summary>
internal sealed class FirstStartState : IHealthCheck
{
    private volatile bool _done;

    public void Complete() => _done = true;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_done ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The first start is not over."));
}

internal static class FirstStartExtensions
{
    public static void AddFirstStart(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<FirstStartState>();
        builder.Services.AddHostedService<FirstStart>();
        builder.Services.AddHealthChecks().AddCheck<FirstStartState>("first_start", HealthStatus.Unhealthy, [Health.ReadyTag]);
    }
}
