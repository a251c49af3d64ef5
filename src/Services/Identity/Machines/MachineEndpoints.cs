namespace EnvPlatform.Identity.Machines;

internal static class MachineEndpoints
{
    public static void MapMachines(this IEndpointRouteBuilder app)
    {
        var machines = app.MapGroup("/api/v1/orgs/{org}/machines").WithTags("Machines");
        machines.MapRegisterMachine();
        machines.MapReportRegistrationFailure();
        machines.MapListMachines();
        machines.MapRemoveMachine();
        machines.MapTransferMachine();
        var keys = app.MapGroup("/api/v1/orgs/{org}/enrolment-keys").WithTags("Machines");
        keys.MapCreateEnrolmentKey();
        keys.MapListEnrolmentKeys();
        keys.MapRevokeEnrolmentKey();
        app.MapGroup("/api/v1").WithTags("Machines").MapEnrolMachine();
    }
}
