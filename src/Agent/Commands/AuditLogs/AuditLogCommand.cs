using System.CommandLine;

namespace EnvPlatform.Agent.Commands.AuditLogs;

/// <summary>The organization's audit log, for auditors.</summary>
internal sealed class AuditLogCommand : Command
{
    public AuditLogCommand(Surroundings surroundings)
        : base("audit-log", "Verify your organization's audit log (auditors and administrators).")
    {
        Add(new AuditLogVerifyCommand(surroundings));
    }
}
