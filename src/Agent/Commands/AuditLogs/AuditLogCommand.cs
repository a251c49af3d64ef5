using System.CommandLine;

namespace EnvPlatform.Agent.Commands.AuditLogs;

/// <summary>The organization's audit log, for auditors.</summary>
internal sealed class AuditLogCommand : Command
{
    public AuditLogCommand(Surroundings surroundings)
        : base("audit-log", "Read, follow, export and verify your organization's audit log (auditors and administrators).")
    {
        Add(new AuditLogListCommand(surroundings));
        Add(new AuditLogTailCommand(surroundings));
        Add(new AuditLogExportCommand(surroundings));
        Add(new AuditLogVerifyCommand(surroundings));
    }
}
